"""Opens a recording with its own demuxer, and checks what it asks of a decoder before the decoder runs."""

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import ArgumentError, FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream

from chat.errors import UnsupportedMedia
from chat.media import boxes, containers
from chat.media.containers import MOV, MP4, Found
from chat.media.refusals import KINDS, too_long

CODECS = frozenset(
    {"opus", "vorbis", "aac", "mp3", "flac", "mp2", "alac", "speex", "amr_nb", "amr_wb", "gsm", "gsm_ms", "ac3", "eac3"}
    | {"wmav1", "wmav2", "wmapro", "wmavoice", "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "ilbc"}
)  # and PCM
RATES = range(4_000, 192_001)  # samples a second; telephones use 8,000, studios up to 192,000
MAX_CHANNELS = 8
MAX_PACKET_SAMPLES = 65_536  # FLAC's most; Opus has 5,760, ALAC usually 4,096
PACKETS_A_SECOND = 800  # twice as many as the shortest Opus frames need
MAX_STREAMS = 16
MAX_SILENT_PACKETS = 16  # at the beginning; one of them must contain sound


@dataclass(frozen=True, slots=True)
class Opened:
    """A recording that may be decoded. `edited`: an edit list skips or repeats part of its sound."""

    found: Found
    input: InputContainer
    audio: AudioStream
    pictures: list[Stream]
    edited: bool


class _From:
    """A file from an offset on, with the methods FFmpeg needs."""

    def __init__(self, file: BinaryIO, at: int) -> None:
        self._file, self._at = file, at
        file.seek(at)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(offset + self._at if whence == io.SEEK_SET else offset, whence) - self._at
        except (OSError, ValueError, OverflowError) as error:  # FFmpeg adds up what a damaged header says
            raise ArgumentError(errno.EINVAL, "seek to outside the file") from error

    def tell(self) -> int:
        return self._file.tell() - self._at


@contextmanager
def opened(file: BinaryIO, max_seconds: float, track: int | None = None) -> Iterator[Opened]:
    """Opens a recording for decoding: the given track, or else the one that players choose.

    Raises:
        UnsupportedMedia: it is no audio of a kind we know, or nothing a recorder would make.
        TooLarge: its tables declare more samples than `max_seconds` can hold.
    """
    found = containers.find(file)
    if found is None:
        raise UnsupportedMedia("not_audio", kinds=KINDS)
    source, edited = _From(file, found.at), False
    if found.container in (MP4, MOV):
        tables = boxes.read(source)
        if tables.exceed(int(max_seconds * PACKETS_A_SECOND)):
            raise too_long(max_seconds)
        edited = tables.edited
    # An empty whitelist: opening must not decode anything, because the checks come afterwards.
    options = {"codec_whitelist": "none", "max_streams": str(MAX_STREAMS)}
    if not edited and found.container in (MP4, MOV):
        options["ignore_editlist"] = "1"  # it only skips the encoder's delay
    try:
        container = av.open(source, format=found.container.demuxer, options=options)
    except MemoryError:
        raise
    except (FFmpegError, ValueError, IndexError) as error:
        raise UnsupportedMedia("not_audio", kinds=KINDS) from error
    with container:
        if not isinstance(container, InputContainer):
            raise UnsupportedMedia("not_audio", kinds=KINDS)
        audio, pictures = _streams(container, track)
        yield Opened(found, container, audio, pictures, edited)


def packets(recording: Opened) -> Iterator["Packet[Stream]"]:
    """The packets, up to where the file breaks off: a truncated recording is still a recording."""
    try:
        for packet in recording.input.demux(recording.audio, *recording.pictures):
            if packet.size:
                yield packet
    except MemoryError:
        raise
    except FFmpegError:
        return


def frames(packet: "Packet[Stream]") -> Iterator[AudioFrame]:
    """The frames in a packet; none if it is damaged, since players skip it too.

    Raises:
        UnsupportedMedia: its rate or channels are out of bounds.
    """
    try:
        decoded = packet.decode()
    except MemoryError:
        raise
    except FFmpegError:
        return
    for frame in decoded:
        if isinstance(frame, AudioFrame) and frame.samples:
            check(frame.sample_rate, len(frame.layout.channels))
            yield frame


def sound(recording: Opened) -> Iterator[AudioFrame]:
    """All frames of the recording in order; none if its first packets contain no sound.

    Raises:
        UnsupportedMedia: see `frames`.
    """
    heard = False
    for number, packet in enumerate(packets(recording)):
        if packet.stream is not recording.audio:
            continue
        for frame in frames(packet):
            heard = True
            yield frame
        if not heard and number >= MAX_SILENT_PACKETS:
            return


def check(rate: int, channels: int) -> None:
    """Raises UnsupportedMedia if the rate or the number of channels is out of bounds."""
    if rate not in RATES or not 1 <= channels <= MAX_CHANNELS:
        raise UnsupportedMedia(
            "sound_not_supported",
            rate=rate,
            channels=channels,
            highest=RATES.stop - 1,
            lowest=RATES.start,
            most=MAX_CHANNELS,
        )


def _streams(container: InputContainer, track: int | None) -> tuple[AudioStream, list[Stream]]:
    """The audio stream, and the video streams that are not marked as cover art."""
    pictures: list[Stream] = [
        stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic
    ]
    if not container.streams.audio:
        raise (UnsupportedMedia("is_a_video") if pictures else UnsupportedMedia("not_audio", kinds=KINDS))
    tracks = container.streams.audio
    if track is not None and track >= len(tracks):
        raise UnsupportedMedia("not_audio", kinds=KINDS)
    chosen = [stream for stream in tracks if stream.disposition & Disposition.default] or tracks
    audio = chosen[0] if track is None else tracks[track]
    context: object = audio.codec_context  # None for a codec that FFmpeg does not know, contrary to its type
    if context is None:
        raise UnsupportedMedia("not_audio", kinds=KINDS)
    codec = audio.codec_context.codec.canonical_name
    if codec not in CODECS and not codec.startswith("pcm_"):
        raise UnsupportedMedia("codec_not_supported", codec=codec)
    rate, channels = audio.codec_context.sample_rate, len(audio.codec_context.layout.channels)
    if rate and channels:  # AAC's header may not say; its frames do, and the format itself is bounded
        check(rate, channels)
    if _packet_samples(audio) > MAX_PACKET_SAMPLES:
        raise UnsupportedMedia("not_audio", kinds=KINDS)
    audio.codec_context.thread_count = 1  # the sandbox allows no threads
    return audio, pictures


def _packet_samples(audio: AudioStream) -> int:
    """The maximum number of samples in a packet, if the header says: for ALAC at byte 12 of its magic cookie."""
    if audio.codec_context.codec.canonical_name == "alac":
        return int.from_bytes((audio.codec_context.extradata or b"")[12:16], "big")
    return int(audio.codec_context.frame_size or 0)
