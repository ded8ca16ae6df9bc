"""Opens a recording with its own demuxer, and checks what it asks of a decoder before the decoder runs."""

import errno
import io
from collections.abc import Iterator, Mapping
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
from chat.media.containers import MOV, MP4, OGG, WEBM, Found
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
GROWING_HEAD_BYTES = 64  # enough to tell WebM, Ogg and MP4 apart
MP4_HEAD_BYTES = 64 * 1024  # of an MP4 that is being made, before its first samples; browsers write 1 KB
MAX_HEAD_SAMPLES = 64  # that this head may declare; those of a recording that is being made come later, in fragments


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
    with _decodable(source, found, track, edited=edited) as recording:
        yield recording


@contextmanager
def growing(file: BinaryIO) -> Iterator[Opened]:
    """Opens a recording that is still being made, at the end of a pipe, for decoding as it comes.

    Only what browsers record is opened: WebM, Ogg, and MP4 whose tables come first.

    Raises:
        UnsupportedMedia, TooLarge: as `opened`.
    """
    source = Ahead(file)
    container = containers.container_of(source.peek(GROWING_HEAD_BYTES))
    edited = False
    if container is MP4:
        tables = boxes.read(io.BytesIO(_until_samples(source)))
        if tables.exceed(MAX_HEAD_SAMPLES):
            raise UnsupportedMedia("not_audio", kinds=KINDS)
        edited = tables.edited
    elif container not in (WEBM, OGG):
        raise UnsupportedMedia("not_audio", kinds=KINDS)
    options = {"probesize": "32", "analyzeduration": "0"}  # FFmpeg would wait for seconds of sound
    with _decodable(source, Found(container, 0), None, edited=edited, more=options) as recording:
        if recording.pictures:  # no recorder of sound makes any
            raise UnsupportedMedia("is_a_video")
        yield recording


def _until_samples(source: "Ahead") -> bytes:
    """The beginning of an MP4, up to the end of its `moov`. Raises UnsupportedMedia if samples come before that."""
    at = 0
    while True:
        head = source.peek(at + 8)[at:]
        size, name = int.from_bytes(head[:4], "big"), head[4:8]
        if len(head) < 8 or size < 8 or name in (b"mdat", b"moof") or at + size > MP4_HEAD_BYTES:
            raise UnsupportedMedia("not_audio", kinds=KINDS)
        at += size
        if name == b"moov":
            return source.peek(at)


class Ahead:
    """A pipe whose first bytes can be looked at. FFmpeg needs only `read`, and does not seek without `seek`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        """Returns the next `size` bytes, waiting for them; fewer only at the end."""
        while len(self._ahead) < size and (more := self._file.read(size - len(self._ahead))):
            self._ahead += more
        return self._ahead[:size]

    def read(self, size: int = -1) -> bytes:
        """Returns what there is, at most `size` bytes, waiting for the first; none at the end."""
        if not self._ahead:
            return self._file.read(size)
        found, self._ahead = self._ahead[:size], self._ahead[size:]
        return found


@contextmanager
def _decodable(
    source: "_From | Ahead",
    found: Found,
    track: int | None,
    *,
    edited: bool,
    more: Mapping[str, str] | None = None,
) -> Iterator[Opened]:
    # An empty whitelist: opening must not decode anything, because the checks come afterwards.
    options = {"codec_whitelist": "none", "max_streams": str(MAX_STREAMS), **(more or {})}
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
