"""Cuts off the end of a recording. Its sound is copied as it is, in its own kind of file."""

from typing import BinaryIO

import av

from chat.errors import UnsupportedMedia
from chat.media import containers, opening
from chat.media.containers import Container
from chat.media.refusals import KINDS

MUXERS: dict[Container, str] = {
    containers.WEBM: "webm",
    containers.MATROSKA: "matroska",
    containers.OGG: "ogg",
    containers.MP4: "mp4",
    containers.MOV: "mov",
    containers.WAV: "wav",
    containers.FLAC: "flac",
    containers.MP3: "mp3",
    containers.ADTS: "adts",
    containers.AMR: "amr",
    containers.AIFF: "aiff",
    containers.CAF: "caf",
    containers.AU: "au",
    containers.ASF: "asf",
}
"""FFmpeg's name of what writes each kind."""


def cut(source: BinaryIO, target: BinaryIO, seconds: float, max_seconds: float) -> None:
    """Copies the first `seconds` of `source`, at least a packet, into `target`, which must be empty.

    Raises:
        UnsupportedMedia, TooLarge: as `opening.opened`, or there is no sound in it.
    """
    copied = 0
    with opening.opened(source, max_seconds) as recording:
        muxer = MUXERS[recording.found.container]
        with av.open(target, "w", format=muxer, options={"fflags": "+bitexact"}) as written:
            stream = written.add_stream_from_template(recording.audio)
            for packet in opening.packets(recording):
                if packet.stream is not recording.audio:
                    continue
                if copied and packet.pts is not None and packet.pts * packet.time_base >= seconds:
                    break
                packet.stream = stream
                written.mux(packet)
                copied += 1
    if not copied:
        raise UnsupportedMedia("not_audio", kinds=KINDS)
