"""A file's type is determined from its bytes; its duration is measured."""

import contextlib
import resource
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.audio.probe import Probed, probe
from chat.errors import TooLarge, UnsupportedMedia
from tests import recordings

LONG = 600.0


def probed(folder: Path, content: bytes, most_seconds: float = LONG) -> Probed:
    path = folder / "upload"
    path.write_bytes(content)
    return probe(path, most_seconds)


@pytest.mark.parametrize(("name", "mimetype", "seconds"), recordings.FORMATS)
def test_every_format_of_the_contract_is_recognised(tmp_path: Path, name: str, mimetype: str, seconds: float) -> None:
    found = probed(tmp_path, recordings.spoken(name))
    assert found.mimetype == mimetype
    assert found.duration == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize(
    ("container", "codec", "mimetype"),
    [("mp4", "libopus", "audio/mp4"), ("ogg", "flac", "audio/ogg"), ("matroska", "libopus", "audio/x-matroska")],
)
def test_other_codecs_in_these_containers_do_as_well(tmp_path: Path, container: str, codec: str, mimetype: str) -> None:
    found = probed(tmp_path, recordings.encoded(container, codec))
    assert (found.mimetype, found.duration) == (mimetype, pytest.approx(1.0, abs=0.1))


def test_a_duration_comes_from_the_packets_where_the_header_has_none(tmp_path: Path) -> None:
    import av

    path = recordings.FOLDER / "respectable.webm"
    with av.open(str(path)) as opened:
        assert opened.duration is None
    assert probe(path, LONG).duration == pytest.approx(6.05, abs=0.1)


def test_a_recording_that_breaks_off_counts_as_far_as_it_goes(tmp_path: Path) -> None:
    assert 2 < probed(tmp_path, recordings.cut_off()).duration < 4


@pytest.mark.parametrize("name", recordings.lies())
def test_files_that_are_not_audio_are_refused_whatever_their_first_bytes_say(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsupportedMedia):
        probed(tmp_path, recordings.lies()[name])


@pytest.mark.parametrize("sound", ["libopus", None])
def test_a_video_is_refused(tmp_path: Path, sound: str | None) -> None:
    with pytest.raises(UnsupportedMedia, match="video"):
        probed(tmp_path, recordings.video(sound=sound))


def test_a_cover_picture_does_not_make_a_video(tmp_path: Path) -> None:
    assert probed(tmp_path, recordings.mp3_with_cover()).mimetype == "audio/mpeg"


def test_a_codec_browsers_cannot_play_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMedia, match="ac3"):
        probed(tmp_path, recordings.encoded("matroska", "ac3"))


def test_too_long_a_recording_is_refused(tmp_path: Path) -> None:
    content = recordings.spoken()
    assert probed(tmp_path, content, 6.2).duration < 6.2
    with pytest.raises(TooLarge, match="at most 5 seconds"):
        probed(tmp_path, content, 5)


def test_timestamps_cannot_hide_how_much_sound_there_is(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        probed(tmp_path, recordings.webm_of_timestamps(step_ms=0, packets=400), 5)  # 8 s of sound
    with pytest.raises(TooLarge):
        probed(tmp_path, recordings.webm_of_timestamps(step_ms=1_000, packets=10), 5)  # 0.2 s of sound over 9 s


@pytest.mark.parametrize(
    "content",
    [
        recordings.mp4_declaring(200_000_000),
        recordings.mp4_declaring(400_000, edits=200),
        recordings.mp4_fragment_declaring(200_000_000),
    ],
    ids=["samples", "edits", "fragments"],
)
def test_two_kilobytes_cannot_take_gigabytes(tmp_path: Path, content: bytes) -> None:
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises((TooLarge, UnsupportedMedia)):
        probed(tmp_path, content)
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # KiB
    assert taken < 100 * 1024
    assert time.monotonic() - begun < 1


def test_audio_of_a_codec_nobody_knows_is_refused(tmp_path: Path) -> None:
    content = bytearray(recordings.spoken("amiable.wav"))
    content[20:22] = b"[\xd5"  # where a WAV says how it is encoded
    with pytest.raises(UnsupportedMedia):
        probed(tmp_path, bytes(content))


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from([name for name, _, _ in recordings.FORMATS]),
    at=st.floats(0, 1, exclude_max=True),
    junk=st.binary(min_size=1, max_size=40),
)
@example(name="amiable.wav", at=0.064453125, junk=b"\x00\x00\x06")
def test_damage_anywhere_is_survived(
    tmp_path_factory: pytest.TempPathFactory, name: str, at: float, junk: bytes
) -> None:
    content = bytearray(recordings.spoken(name))
    place = int(len(content) * at**3)  # mostly in the headers
    content[place : place + len(junk)] = junk
    folder = tmp_path_factory.getbasetemp()
    with contextlib.suppress(UnsupportedMedia, TooLarge):
        assert 0 < probed(folder, bytes(content)).duration <= LONG
