"""A file's type is determined from its bytes; its duration and waveform from its sound."""

import contextlib
import io
import tempfile
from collections.abc import Iterator
from typing import Any

import av
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from chat.errors import TooLarge, UnsupportedMedia
from chat.media.sandbox import Prepared, Sandbox
from tests import recordings

LONG = 600.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.stop()


def prepared(sandbox: Sandbox, content: bytes, max_seconds: float = LONG) -> Prepared:
    return kept(sandbox, content, max_seconds)[0]


def kept(sandbox: Sandbox, content: bytes, max_seconds: float = LONG) -> tuple[Prepared, bytes]:
    """What it was found to be, and the bytes that are stored."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(content)
        source.flush()
        found = sandbox.prepare(source, target, max_seconds)
        target.seek(0)
        return found, target.read() if found.converted else content


def check_converted(sandbox: Sandbox, content: bytes, seconds: float) -> Prepared:
    """It has become what every browser plays, with the same sound from its very beginning."""
    found, stored = kept(sandbox, content)
    assert found.converted
    assert found.mimetype == "audio/webm"
    assert found.duration == pytest.approx(seconds, abs=0.1)
    with av.open(io.BytesIO(stored)) as opened:
        assert [stream.codec_context.name for stream in opened.streams] == ["opus"]
        times = [packet.pts * packet.time_base for packet in opened.demux() if packet.size]
        assert float(times[0]) <= 0.01
        assert opened.duration / 1_000_000 == pytest.approx(seconds, abs=0.1)
    again, same = kept(sandbox, stored)
    assert same == stored
    assert again.duration == pytest.approx(found.duration, abs=0.02)
    return found


# --- What is taken as it is


@pytest.mark.parametrize(("name", "mimetype", "seconds"), recordings.FORMATS)
def test_every_format_of_the_contract_is_recognised_and_kept(
    sandbox: Sandbox, name: str, mimetype: str, seconds: float
) -> None:
    found, stored = kept(sandbox, recordings.spoken(name))
    assert found.mimetype == mimetype
    assert found.duration == pytest.approx(seconds, abs=0.1)
    assert stored == recordings.spoken(name)


@pytest.mark.parametrize(
    ("container", "codec", "mimetype"),
    [("mp4", "libopus", "audio/mp4"), ("mp4", "flac", "audio/mp4"), ("ipod", "aac", "audio/mp4")],
)
def test_other_codecs_that_browsers_play_are_kept(sandbox: Sandbox, container: str, codec: str, mimetype: str) -> None:
    found = prepared(sandbox, recordings.encoded(container, codec))
    assert (found.mimetype, found.converted) == (mimetype, False)
    assert found.duration == pytest.approx(1.0, abs=0.1)


def test_a_duration_comes_from_the_sound_where_the_header_has_none(sandbox: Sandbox) -> None:
    with av.open(str(recordings.FOLDER / "respectable.webm")) as opened:
        assert opened.duration is None
    assert prepared(sandbox, recordings.spoken()).duration == pytest.approx(6.05, abs=0.1)


def test_a_recording_that_breaks_off_counts_as_far_as_it_goes(sandbox: Sandbox) -> None:
    assert 2 < prepared(sandbox, recordings.cut_off()).duration < 4


@pytest.mark.parametrize("text", ["Elephant trunk sounds", "cmov", "stsz\xff\xff\xff\xff" * 9, "moof trun elst stbl"])
@pytest.mark.parametrize("tag", ["title", "comment", "album", "lyrics"])
def test_words_in_tags_are_no_tables(sandbox: Sandbox, tag: str, text: str) -> None:
    content = recordings.encoded("ipod", "aac", tags={tag: text})
    assert text.encode() in content
    assert prepared(sandbox, content).duration == pytest.approx(1.0, abs=0.1)


def test_a_cover_is_no_video(sandbox: Sandbox) -> None:
    found = prepared(sandbox, recordings.mp3_with_cover())
    assert (found.mimetype, found.converted) == ("audio/mpeg", False)


# --- What is converted


CONVERTED = [
    ("ipod", "alac", 44_100),
    ("mov", "aac", 44_100),
    ("mov", "pcm_s16be", 44_100),
    ("caf", "alac", 48_000),
    ("caf", "pcm_s16be", 48_000),
    ("aiff", "pcm_s16be", 44_100),
    ("aiff", "pcm_s24be", 48_000),
    ("amr", "libopencore_amrnb", 8_000),
    ("3gp", "libopencore_amrnb", 8_000),
    ("adts", "aac", 44_100),
    ("wav", "pcm_s24le", 48_000),
    ("wav", "pcm_f64le", 48_000),
    ("wav", "pcm_f32le", 44_100),
    ("wav", "pcm_alaw", 8_000),
    ("wav", "adpcm_ms", 22_050),
    ("au", "pcm_s16be", 8_000),
    ("asf", "wmav2", 44_100),
    ("ogg", "flac", 48_000),
    ("matroska", "libopus", 48_000),
    ("matroska", "ac3", 48_000),
    ("mp2", "mp2", 48_000),
]


@pytest.mark.parametrize(("container", "codec", "rate"), CONVERTED)
def test_what_not_every_browser_plays_is_converted(sandbox: Sandbox, container: str, codec: str, rate: int) -> None:
    found = check_converted(sandbox, recordings.encoded(container, codec, rate=rate), 1.0)
    assert max(found.peaks) == 255


def test_speex_is_converted(sandbox: Sandbox) -> None:
    check_converted(sandbox, recordings.speex(), 1.0)


@pytest.mark.parametrize("container", ["webm", "ogg", "mp4"])
def test_a_recording_whose_clock_begins_late_counts_from_its_first_sample(sandbox: Sandbox, container: str) -> None:
    check_converted(sandbox, recordings.encoded(container, "libopus", 2.0, begins=30.0), 2.0)


def test_a_recording_whose_clock_jumps_is_as_long_as_its_sound(sandbox: Sandbox) -> None:
    check_converted(sandbox, recordings.webm_of_timestamps(step_ms=1_000, packets=10), 0.2)


@pytest.mark.parametrize("junk", [bytes(417), bytes(50_000), b"\r\n" * 40, b"HTTP/1.1 200 OK\r\n\r\n"])
@pytest.mark.parametrize("tagged", [False, True])
def test_bytes_before_an_mp3_are_left_out(sandbox: Sandbox, junk: bytes, tagged: bool) -> None:
    sound = recordings.mp3_with_cover() if tagged else recordings.spoken("amiable.mp3")
    check_converted(sandbox, junk + sound, 3.29)


@pytest.mark.parametrize("name", ["respectable.webm", "respectable.ogg", "respectable.m4a", "amiable.wav"])
def test_zero_bytes_before_anything_are_left_out(sandbox: Sandbox, name: str) -> None:
    seconds = next(seconds for each, _, seconds in recordings.FORMATS if each == name)
    found = prepared(sandbox, bytes(4_000) + recordings.spoken(name))
    assert found.converted
    assert found.duration == pytest.approx(seconds, abs=0.1)


def test_a_cover_that_is_a_video_stream_is_left_out(sandbox: Sandbox) -> None:
    for pictures in (recordings.video("matroska", "mjpeg", pictures=1), recordings.video("webm", "vp8", pictures=1)):
        check_converted(sandbox, pictures, 1.0)


# --- Its picture


def test_a_recording_has_two_hundred_peaks_by_its_loudness(sandbox: Sandbox) -> None:
    peaks = prepared(sandbox, recordings.on_one_side(0.5, 0.5)).peaks
    assert len(peaks) == 200
    assert min(peaks[2:148]) > 230
    assert max(peaks[152:]) < 10
    assert max(peaks) == 255


@pytest.mark.parametrize("sides", [(0.5, 0.0), (0.0, 0.5)])
def test_speech_on_one_side_alone_is_drawn_as_any_other(sandbox: Sandbox, sides: tuple[float, float]) -> None:
    peaks = prepared(sandbox, recordings.on_one_side(*sides)).peaks
    assert min(peaks[2:148]) > 230


@pytest.mark.parametrize("seconds", [0.001, 0.01, 0.1, 1.7, 61.0])
def test_a_picture_has_as_many_peaks_however_long_it_lasts(sandbox: Sandbox, seconds: float) -> None:
    found = prepared(sandbox, recordings.silence(seconds))
    assert found.peaks == [0] * 200
    assert found.duration == seconds


# --- What is refused


@pytest.mark.parametrize("name", recordings.lies())
def test_files_that_are_not_audio_are_refused_whatever_their_first_bytes_say(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(UnsupportedMedia):
        prepared(sandbox, recordings.lies()[name])


@pytest.mark.parametrize("sound", ["libopus", None])
def test_a_video_is_refused(sandbox: Sandbox, sound: str | None) -> None:
    with pytest.raises(UnsupportedMedia, match="video"):
        prepared(sandbox, recordings.video(sound=sound))


def test_a_codec_nobody_records_with_is_refused_by_its_name(sandbox: Sandbox) -> None:
    with pytest.raises(UnsupportedMedia, match="wavpack"):
        prepared(sandbox, recordings.encoded("matroska", "wavpack"))


def test_audio_of_a_codec_nobody_knows_is_refused(sandbox: Sandbox) -> None:
    content = bytearray(recordings.spoken("amiable.wav"))
    content[20:22] = b"[\xd5"  # where a WAV says how it is encoded
    with pytest.raises(UnsupportedMedia):
        prepared(sandbox, bytes(content))


def test_too_long_a_recording_is_refused(sandbox: Sandbox) -> None:
    content = recordings.spoken()
    assert prepared(sandbox, content, 6.2).duration < 6.2
    with pytest.raises(TooLarge, match="recording_too_long: seconds=5"):
        prepared(sandbox, content, 5)


# --- What is more than it says


def test_times_cannot_hide_how_much_sound_there_is(sandbox: Sandbox) -> None:
    with pytest.raises(TooLarge):
        prepared(sandbox, recordings.webm_of_timestamps(step_ms=0, packets=400), 5)  # 8 s of sound
    with pytest.raises(TooLarge, match="recording_too_long: seconds=600"):
        prepared(sandbox, recordings.opus_in_mp4(5_100, ticks=10))  # 612 s in what it says is one
    assert prepared(sandbox, recordings.opus_in_mp4(20, ticks=10)).duration == pytest.approx(2.4, abs=0.1)


@pytest.mark.parametrize(
    "content",
    [
        recordings.mp4_declaring(200_000_000),
        recordings.mp4_declaring(400_000, edits=200),
        recordings.mp4_fragment_declaring(200_000_000),
        recordings.alac_declaring(16_777_216),
        recordings.alac_declaring(4_096, rate=2_000_000_000),
        recordings.ogg_pages_of_nothing(50_000),
    ],
    ids=["samples", "edits", "fragments", "packets", "rate", "pages"],
)
def test_a_small_file_cannot_take_gigabytes_or_minutes(sandbox: Sandbox, content: bytes) -> None:
    with pytest.raises((TooLarge, UnsupportedMedia)):
        prepared(sandbox, content)


def test_pages_of_nothing_behind_sound_add_nothing(sandbox: Sandbox) -> None:
    content = recordings.ogg_pages_of_nothing(50_000, recordings.spoken("respectable.ogg"))
    assert prepared(sandbox, content).duration == pytest.approx(6.05, abs=0.1)


def survives(sandbox: Sandbox, content: bytes) -> None:
    """It is refused, or has a duration; and no process died of it, nor met a fault of ours."""
    with capture_logs() as logs, contextlib.suppress(UnsupportedMedia, TooLarge):
        assert 0 < prepared(sandbox, content).duration <= LONG
    assert logs == []


SOUND = {name: recordings.spoken(name) for name, _, _ in recordings.FORMATS} | {
    f"{container}-{codec}": recordings.encoded(container, codec, 0.5, rate=rate) for container, codec, rate in CONVERTED
}


def test_a_header_that_points_outside_the_file_is_the_files_fault(sandbox: Sandbox) -> None:
    content = bytearray(recordings.encoded("caf", "pcm_s16be", 0.5))
    for size in (2**63 - 1, 2**64 - 100, 2**40):
        content[12:20] = size.to_bytes(8, "big")  # of the first chunk
        survives(sandbox, bytes(content))


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(SOUND)),
    at=st.floats(0, 1, exclude_max=True),
    junk=st.binary(min_size=1, max_size=40),
    cut=st.floats(0, 1),
)
@example(name="amiable.wav", at=0.064453125, junk=b"\x00\x00\x06", cut=1.0)
def test_damage_anywhere_is_survived(sandbox: Sandbox, name: str, at: float, junk: bytes, cut: float) -> None:
    content = bytearray(SOUND[name])
    place = int(len(content) * at**3)  # mostly in the headers
    content[place : place + len(junk)] = junk
    del content[max(1, int(len(content) * (1 - (1 - cut) ** 3))) :]  # mostly near the end
    survives(sandbox, bytes(content))


BOXES = b"moov trak mdia minf stbl stsd stts stsz stz2 stsc stco co64 elst edts moof traf trun tfhd tfdt mvex mdat cmov"
trees = st.recursive(
    st.tuples(st.sampled_from(BOXES.split()), st.binary(max_size=40)),
    lambda inner: st.tuples(st.sampled_from(BOXES.split()), st.lists(inner, max_size=4)),
    max_leaves=20,
)


def box(tree: "tuple[bytes, bytes | list[Any]]", wrong: int = 0) -> bytes:
    name, body = tree
    content = body if isinstance(body, bytes) else b"".join(map(box, body))
    return (len(content) + 8 + wrong & 0xFFFFFFFF).to_bytes(4, "big") + name + content


@settings(deadline=None)
@given(found=st.lists(trees, max_size=6), wrong=st.sampled_from([0, 0, 0, -1, 7, 2**31, -8]))
def test_any_boxes_are_survived(sandbox: Sandbox, found: list[Any], wrong: int) -> None:
    survives(sandbox, b"\0\0\0\x10ftypM4A \0\0\0\0" + b"".join(box(tree, wrong) for tree in found))


@settings(deadline=None)
@given(
    sign=st.sampled_from(
        [
            b"\x1aE\xdf\xa3",
            b"OggS",
            b"fLaC",
            b"ID3\x04\0\0",
            b"#!AMR\n",
            b"caff",
            b".snd",
            b"RIFF\0\0\0\0WAVEfmt ",
            b"FORM\0\0\0\0AIFFCOMM",
            b"\xff\xfb\x90\x00",
            b"\xff\xf1\x50\x80",
            b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
            b"RF64",
        ]
    ),
    rest=st.binary(max_size=2_000),
    before=st.integers(0, 300),
)
def test_anything_behind_any_sign_is_survived(sandbox: Sandbox, sign: bytes, rest: bytes, before: int) -> None:
    survives(sandbox, bytes(before) + sign + rest)
