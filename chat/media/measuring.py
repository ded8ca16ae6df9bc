"""Tells what a recording is and how long it lasts: by decoding it all, since headers lack its length or lie.

The same pass draws its picture, and finds out whether every browser plays it as it is.
"""

from dataclasses import dataclass
from typing import BinaryIO

from chat.errors import UnsupportedMedia
from chat.media import opening
from chat.media.containers import FLAC, MP3, MP4, OGG, WAV, WEBM
from chat.media.loudness import Loudness
from chat.media.opening import Opened
from chat.media.refusals import A_VIDEO, NOT_AUDIO, too_long

# What browsers play wherever it comes from. Not Ogg's FLAC (Safari), nor WAV of more than 16 bits (Firefox, Safari).
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
DRIFT_SECONDS = 0.25  # by so much a container's clock may differ from its sound; nobody hears it


@dataclass(frozen=True, slots=True)
class Measured:
    """`duration` in seconds. `playable`: browsers play it as it is, by the same clock as ours."""

    mimetype: str
    duration: float
    peaks: list[int]
    playable: bool


def measure(file: BinaryIO, most_seconds: float) -> Measured:
    """What the recording is.

    Raises:
        UnsupportedMedia: it is no audio of a kind we know, or has a picture that moves.
        TooLarge: it lasts longer than `most_seconds`.
    """
    with opening.opened(file, most_seconds) as recording:
        return _Measure(recording, most_seconds).run()


class _Measure:
    def __init__(self, recording: Opened, most_seconds: float) -> None:
        self._recording = recording
        self._most_seconds = most_seconds
        self._loudness = Loudness()
        self._seconds = 0.0
        self._agrees = True
        self._pictures = 0

    def run(self) -> Measured:
        for number, packet in enumerate(opening.packets(self._recording)):
            if number > self._most_seconds * opening.PACKETS_A_SECOND:
                raise too_long(self._most_seconds)
            if packet.stream is not self._recording.audio:
                self._see()
                continue
            for frame in opening.frames(packet):
                # Its own clock counts from 0, as a player's does.
                if frame.time is not None and abs(frame.time - self._seconds) > DRIFT_SECONDS:
                    self._agrees = False
                self._seconds += frame.samples / frame.sample_rate
                if self._seconds > self._most_seconds + ROUNDING_SECONDS:
                    raise too_long(self._most_seconds)
                self._loudness.add(frame)
            if not self._seconds and number >= opening.SILENT_PACKETS_MOST:
                break
        duration = round(self._seconds, 3)
        if not duration:
            raise UnsupportedMedia(NOT_AUDIO)
        mimetype = self._recording.found.container.mimetype
        return Measured(mimetype, duration, self._loudness.peaks(), self._is_playable())

    def _see(self) -> None:
        """A single picture is a cover, whatever the file calls it."""
        self._pictures += 1
        if self._pictures > 1:
            raise UnsupportedMedia(A_VIDEO)

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
