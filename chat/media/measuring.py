"""Identifies a recording and measures its duration by decoding all of it, because headers lack the duration or lie.

The same pass computes the waveform's peaks, and decides whether every browser can play the file as it is.
"""

from dataclasses import dataclass
from typing import BinaryIO

from av.audio.frame import AudioFrame

from chat.errors import UnsupportedMedia
from chat.media import opening
from chat.media.containers import FLAC, MP3, MP4, OGG, WAV, WEBM
from chat.media.loudness import Loudness
from chat.media.opening import Opened
from chat.media.refusals import KINDS, too_long

# What every current browser plays. Safari does not play FLAC in Ogg, Firefox and Safari not every WAV above 16 bits.
PLAYED = {
    WEBM: {"opus", "vorbis"},
    OGG: {"opus", "vorbis"},
    MP4: {"aac", "mp3", "opus", "flac"},
    WAV: {"pcm_s16le", "pcm_u8"},
    FLAC: {"flac"},
    MP3: {"mp3"},
}
AAC_PROFILES = {"LC", "HE-AAC", "HE-AACv2"}
ROUNDING_SECONDS = 0.001
DRIFT_SECONDS = 0.25  # how far the container's timestamps may differ from the sound; nobody notices less


@dataclass(frozen=True, slots=True)
class Measured:
    """`duration` is in seconds. `playable`: every browser plays the file as it is, with the same timeline as ours."""

    mimetype: str
    duration: float
    peaks: list[int]
    playable: bool


def measure(file: BinaryIO, max_seconds: float) -> Measured:
    """Measures a recording.

    Raises:
        UnsupportedMedia: it is no audio of a kind we know, or a video.
        TooLarge: it lasts longer than `max_seconds`.
    """
    with opening.opened(file, max_seconds) as recording:
        return Measure(recording, max_seconds).run()


class Measure:
    """Measures a recording by its frames: all of them at once, or as somebody else decodes them."""

    def __init__(self, recording: Opened, max_seconds: float) -> None:
        self._recording = recording
        self._max_seconds = max_seconds
        self._loudness = Loudness()
        self._seconds = 0.0
        self._agrees = True
        self._pictures = 0

    def run(self) -> Measured:
        """Decodes the recording and measures it; see `measure`."""
        for number, packet in enumerate(opening.packets(self._recording)):
            if number > self._max_seconds * opening.PACKETS_A_SECOND:
                raise too_long(self._max_seconds)
            if packet.stream is not self._recording.audio:
                self._see_picture()
                continue
            for frame in opening.frames(packet):
                self.add(frame)
            if not self._seconds and number >= opening.MAX_SILENT_PACKETS:
                break
        return self.result()

    def add(self, frame: AudioFrame) -> None:
        """Takes the next frame. Raises TooLarge: it lasts longer than it may."""
        # Players count from 0, so the first timestamp has to be 0 as well.
        if frame.time is not None and abs(frame.time - self._seconds) > DRIFT_SECONDS:
            self._agrees = False
        self._seconds += frame.samples / frame.sample_rate
        if self._seconds > self._max_seconds + ROUNDING_SECONDS:
            raise too_long(self._max_seconds)
        self._loudness.add(frame)

    def result(self) -> Measured:
        """What the frames so far say. Raises UnsupportedMedia if there were none."""
        duration = round(self._seconds, 3)
        if not duration:
            raise UnsupportedMedia("not_audio", kinds=KINDS)
        mimetype = self._recording.found.container.mimetype
        return Measured(mimetype, duration, self._loudness.peaks(), self._is_playable())

    def _see_picture(self) -> None:
        """Counts pictures: a single one is cover art, whatever the file calls it; more are a video."""
        self._pictures += 1
        if self._pictures > 1:
            raise UnsupportedMedia("is_a_video")

    def _is_playable(self) -> bool:
        recording = self._recording
        codec = recording.audio.codec_context
        name = codec.codec.canonical_name
        return (
            name in PLAYED.get(recording.found.container, ())
            and (name != "aac" or codec.profile in AAC_PROFILES)
            and self._agrees
            and not recording.found.at
            and not recording.edited
            and not recording.pictures
        )
