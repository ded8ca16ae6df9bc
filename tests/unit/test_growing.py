"""A recording that is decoded while it is made sounds like the whole one, and does no more harm."""

import io
import os
import tempfile
from collections.abc import Iterator

import pytest

from chat.errors import TooLarge, Unavailable, UnsupportedMedia
from chat.media.growing import Growing
from chat.media.measuring import measure
from chat.media.sandbox import Sandbox
from tests import recordings

MADE = {
    "webm": recordings.spoken("respectable.webm"),
    "ogg": recordings.spoken("respectable.ogg"),
    "mp4": recordings.fragmented_mp4(),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    started = Sandbox()
    yield started
    started.stop()


def poured(growing: Growing, content: bytes, step: int) -> bytes:
    """Gives the content piece by piece, and returns all samples."""
    found = bytearray()
    for at in range(0, len(content), step):
        growing.write(content[at : at + step])
        found += growing.read(0.01) or b""
    growing.end()
    while (samples := growing.read(10)) is not None:
        found += samples
    return bytes(found)


@pytest.mark.parametrize("kind", MADE)
def test_it_gives_the_samples_and_the_measures_of_the_whole_file(sandbox: Sandbox, kind: str) -> None:
    whole = b"".join(sandbox.speech(_file(MADE[kind]), 60))
    with sandbox.growing(60) as growing:
        assert poured(growing, MADE[kind], 997) == whole
        measured = measure(io.BytesIO(MADE[kind]), 60)
        assert growing.measured == {
            "mimetype": measured.mimetype,
            "duration": measured.duration,
            "peaks": measured.peaks,
            "playable": True,
        }


@pytest.mark.parametrize("kind", MADE)
def test_its_end_is_cut_off_without_encoding_it_anew(sandbox: Sandbox, kind: str) -> None:
    with tempfile.TemporaryFile() as cut, tempfile.TemporaryFile() as converted:
        sandbox.cut(_file(MADE[kind]), cut, 1.0, 60)
        prepared = sandbox.prepare(cut, converted, 60)
        assert prepared.duration == pytest.approx(1.0, abs=0.1)
        assert (prepared.converted, len(prepared.peaks)) == (False, 200)
        assert os.fstat(cut.fileno()).st_size < len(MADE[kind]) / 2


def test_sound_comes_before_the_rest_is_there(sandbox: Sandbox) -> None:
    with sandbox.growing(60) as growing:
        growing.write(MADE["webm"][: len(MADE["webm"]) // 2])
        found = bytearray()
        while len(found) < 2 * 32_000:  # two of six seconds
            samples = growing.read(10)
            assert samples, "nothing came"
            found += samples


def test_one_that_breaks_off_gives_what_there_is(sandbox: Sandbox) -> None:
    with sandbox.growing(60) as growing:
        assert len(poured(growing, recordings.cut_off(), 4_000)) > 2 * 32_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no recording at all" * 100,
        recordings.silence(1.0),
        recordings.video(),
        recordings.alac_declaring(1_000_000_000),
        recordings.mp4_declaring(1_000_000_000),
        recordings.mp4_fragment_declaring(1_000_000_000),
        MADE["mp4"][:24] + (2**31).to_bytes(4, "big") + b"moov" + bytes(1_000),
        *recordings.lies().values(),
    ],
)
def test_what_cannot_be_decoded_as_it_comes_is_refused(sandbox: Sandbox, content: bytes) -> None:
    with pytest.raises((UnsupportedMedia, TooLarge)), sandbox.growing(60) as growing:
        poured(growing, content, 4_000)


def test_one_that_is_too_long_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(TooLarge), sandbox.growing(3) as growing:
        poured(growing, MADE["ogg"], 4_000)


def test_a_decoder_that_dies_costs_only_its_recording(sandbox: Sandbox) -> None:
    with sandbox.growing(60) as growing:
        growing.write(MADE["webm"][:8_000])
        assert growing.read(10)
        sandbox.stop()
        with pytest.raises(Unavailable):
            poured(growing, b"", 1)
    with sandbox.growing(60) as growing:
        assert poured(growing, MADE["webm"], 4_000)


def _file(content: bytes) -> io.FileIO:
    import tempfile

    file = tempfile.TemporaryFile()  # noqa: SIM115 (it goes with the test)
    file.write(content)
    file.flush()
    return file  # type: ignore[return-value]
