"""Opens a recording with its own demuxer and bounds what a decoder may be asked for, before it is asked."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream

from chat.errors import UnsupportedMedia
from chat.media import boxes, containers
from chat.media.containers import MOV, MP4, Found
from chat.media.refusals import A_VIDEO, NOT_AUDIO, too_long

CODECS = frozenset(
    {"opus", "vorbis", "aac", "mp3", "flac", "mp2", "alac", "speex", "amr_nb", "amr_wb", "gsm", "gsm_ms", "ac3", "eac3"}
    | {"wmav1", "wmav2", "wmapro", "wmavoice", "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "ilbc"}
)  # and PCM
RATES = range(4_000, 192_001)  # samples a second; telephones have 8,000, studios 192,000
CHANNELS_MOST = 8
PACKET_SAMPLES_MOST = 65_536  # FLAC's most; Opus has 5,760, ALAC usually 4,096
PACKETS_A_SECOND = 800  # twice what the shortest Opus frames make; more is no recording
STREAMS_MOST = 16
SILENT_PACKETS_MOST = 16  # one of the first ones must give sound


@dataclass(frozen=True, slots=True)
class Opened:
    """A recording that may be decoded. `edited`: its container leaves out some of its sound."""

    found: Found
    input: InputContainer
    audio: AudioStream
    pictures: list[Stream]
    edited: bool


class _From:
    """A file from some byte on, as far as FFmpeg needs one."""

    def __init__(self, file: BinaryIO, at: int) -> None:
        self._file, self._at = file, at
        file.seek(at)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset + self._at if whence == io.SEEK_SET else offset, whence) - self._at

    def tell(self) -> int:
        return self._file.tell() - self._at


@contextmanager
def opened(file: BinaryIO, most_seconds: float, track: int | None = None) -> Iterator[Opened]:
    """A recording, ready to be decoded; of several tracks the one asked for, else the one players choose.

    Raises:
        UnsupportedMedia: it is no audio of a kind we know, or of a kind no recorder makes.
        TooLarge: its tables declare more than `most_seconds` can hold.
    """
    found = containers.find(file)
    if found is None:
        raise UnsupportedMedia(NOT_AUDIO)
    source, edited = _From(file, found.at), False
    if found.container in (MP4, MOV):
        tables = boxes.read(source)
        if tables.exceed(int(most_seconds * PACKETS_A_SECOND)):
            raise too_long(most_seconds)
        edited = tables.edited
    # No decoder may run before the bounds below were looked at, hence none is on the list.
    options = {"codec_whitelist": "none", "max_streams": str(STREAMS_MOST)}
    if not edited and found.container in (MP4, MOV):
        options["ignore_editlist"] = "1"  # an encoder's delay; and a list cannot repeat its samples a million times
    try:
        container = av.open(source, format=found.container.demuxer, options=options)
    except MemoryError:
        raise
    except (FFmpegError, ValueError, IndexError) as error:
        raise UnsupportedMedia(NOT_AUDIO) from error
    with container:
        if not isinstance(container, InputContainer):
            raise UnsupportedMedia(NOT_AUDIO)
        audio, pictures = _streams(container, track)
        yield Opened(found, container, audio, pictures, edited)


def packets(recording: Opened) -> Iterator["Packet[Stream]"]:
    """Up to where the file breaks off: a recording that was cut is one still."""
    try:
        for packet in recording.input.demux(recording.audio, *recording.pictures):
            if packet.size:
                yield packet
    except MemoryError:
        raise
    except FFmpegError:
        return


def frames(packet: "Packet[Stream]") -> Iterator[AudioFrame]:
    """The sound in a packet; none where it is damaged, as players do it.

    Raises:
        UnsupportedMedia: the sound is beyond any recorder's.
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
    """All frames of the recording, in their order. The rest of the file is left alone where the first packets are mute.

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
        if not heard and number >= SILENT_PACKETS_MOST:
            return


def check(rate: int, channels: int) -> None:
    """Raises UnsupportedMedia for sound that no recorder makes."""
    if rate not in RATES or not 1 <= channels <= CHANNELS_MOST:
        raise UnsupportedMedia(
            f"Sound of {rate} Hz in {channels} channels cannot be sent: "
            f"at most {RATES.stop - 1} Hz in {CHANNELS_MOST} channels, and at least {RATES.start} Hz."
        )


def _streams(container: InputContainer, track: int | None) -> tuple[AudioStream, list[Stream]]:
    """The sound, and what may be its cover or a film."""
    pictures: list[Stream] = [
        stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic
    ]
    if not container.streams.audio:
        raise UnsupportedMedia(A_VIDEO if pictures else NOT_AUDIO)
    tracks = container.streams.audio
    if track is not None and track >= len(tracks):
        raise UnsupportedMedia(NOT_AUDIO)
    chosen = [stream for stream in tracks if stream.disposition & Disposition.default] or tracks
    audio = chosen[0] if track is None else tracks[track]
    context: object = audio.codec_context  # None, whatever its type says, for a codec that FFmpeg does not know
    if context is None:
        raise UnsupportedMedia(NOT_AUDIO)
    codec = audio.codec_context.codec.canonical_name
    if codec not in CODECS and not codec.startswith("pcm_"):
        raise UnsupportedMedia(f"Audio encoded as {codec} cannot be sent. Use Opus, AAC, MP3 or FLAC.")
    rate, channels = audio.codec_context.sample_rate, len(audio.codec_context.layout.channels)
    if rate and channels:  # some headers do not say; then it is AAC, which has bounds of its own, and its frames tell
        check(rate, channels)
    if _packet_samples(audio) > PACKET_SAMPLES_MOST:
        raise UnsupportedMedia(NOT_AUDIO)
    audio.codec_context.thread_count = 1  # the process may start no thread
    return audio, pictures


def _packet_samples(audio: AudioStream) -> int:
    """The most samples a packet may have, where its header names them: ALAC's at byte 12, see its magic cookie."""
    if audio.codec_context.codec.canonical_name == "alac":
        return int.from_bytes((audio.codec_context.extradata or b"")[12:16], "big")
    return int(audio.codec_context.frame_size or 0)
