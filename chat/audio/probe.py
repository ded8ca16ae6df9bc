"""Tells what a file is and how long it lasts, from its bytes.

A pure function of a path: FFmpeg reads the file itself, without the interpreter, so that a web process can run
this in a thread beside its event loop.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition

from chat.audio.containers import CODECS, HEAD_BYTES, MP4, container_of
from chat.audio.tables import declares_too_much
from chat.errors import TooLarge, UnsupportedMedia

DECODED_PACKETS = 16  # one of the first ones must give sound
PACKETS_A_SECOND = 800  # twice what the shortest Opus frames make; more is no recording

NOT_AUDIO = "That is no audio recording of a kind we know (webm, ogg, mp4, wav, mp3, flac)."


@dataclass(frozen=True, slots=True)
class Probed:
    """`duration` is in seconds."""

    mimetype: str
    duration: float


def probe(path: Path, most_seconds: float) -> Probed:
    """What the file is. The duration is measured, since headers lack it (MediaRecorder) or lie.

    Raises:
        UnsupportedMedia: it is no audio of a kind we know, or has a picture that moves.
        TooLarge: it lasts longer than `most_seconds`.
    """
    with path.open("rb") as file:
        container = container_of(file.read(HEAD_BYTES))
    if container is None:
        raise UnsupportedMedia(NOT_AUDIO)
    if container is MP4 and declares_too_much(path, int(most_seconds * PACKETS_A_SECOND)):
        raise TooLarge(f"A recording may last at most {most_seconds:g} seconds.")
    try:
        with av.open(f"file:{path}", format=container.demuxer, options=container.options) as opened:
            duration = round(_measure(opened, _only_audio(opened), most_seconds), 3)
    except (FFmpegError, ValueError) as error:
        raise UnsupportedMedia(NOT_AUDIO) from error
    if not duration:  # not a millisecond, as where a header claims a hundred million samples a second
        raise UnsupportedMedia(NOT_AUDIO)
    return Probed(container.mimetype, duration)


def _only_audio(opened: InputContainer) -> AudioStream:
    moving = [stream for stream in opened.streams.video if not stream.disposition & Disposition.attached_pic]
    if moving:
        raise UnsupportedMedia("That is a video. Only audio can be sent.")
    if not opened.streams.audio:
        raise UnsupportedMedia(NOT_AUDIO)
    stream = opened.streams.audio[0]
    context: object = stream.codec_context  # None, whatever its type says, for a codec that FFmpeg does not know
    if context is None:
        raise UnsupportedMedia(NOT_AUDIO)
    codec = stream.codec_context.codec.canonical_name
    if codec not in CODECS and not codec.startswith("pcm_"):
        raise UnsupportedMedia(f"Audio encoded as {codec} cannot be played everywhere. Use Opus, AAC, MP3 or FLAC.")
    return stream


def _measure(opened: InputContainer, stream: AudioStream, most_seconds: float) -> float:
    """Seconds, by what the packets hold and by where the last one ends, whichever is more."""
    tick = float(stream.time_base or 0)  # seconds; packets count in it
    first: int | None = None
    held = end = 0
    sounded = False
    for number, packet in enumerate(_packets(opened, stream)):
        held += packet.duration or 0
        if packet.pts is not None:
            first = packet.pts if first is None else first
            end = max(end, packet.pts + (packet.duration or 0) - first)
        if max(held, end) * tick > most_seconds or number > most_seconds * PACKETS_A_SECOND:
            raise TooLarge(f"A recording may last at most {most_seconds:g} seconds.")
        if not sounded and number < DECODED_PACKETS:
            sounded = _sounds(packet)
        elif not sounded:
            break
    if not sounded:
        raise UnsupportedMedia(NOT_AUDIO)
    return max(held, end) * tick


def _packets(opened: InputContainer, stream: AudioStream) -> "Iterator[Packet[AudioStream]]":
    """Up to where the file breaks off: a recording that was cut is one still."""
    try:
        for packet in opened.demux(stream):
            if packet.size:
                yield packet
    except FFmpegError:
        return


def _sounds(packet: "Packet[AudioStream]") -> bool:
    try:
        return any(frame.samples for frame in packet.decode())
    except FFmpegError:
        return False
