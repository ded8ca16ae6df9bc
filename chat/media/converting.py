"""Converts any recording to what every browser plays: Opus in WebM, with timestamps that start at 0.

Chrome and Firefox have always played it. Safari learned it years before it learned Opus in Ogg, see
https://caniuse.com/webm and https://caniuse.com/opus.
"""

from fractions import Fraction
from typing import BinaryIO

import av

from chat.errors import UnsupportedMedia
from chat.media import opening
from chat.media.containers import WEBM
from chat.media.refusals import KINDS
from chat.media.resampling import resampled

MIMETYPE = WEBM.mimetype
RATE = 48_000  # samples a second, Opus's own
BITS_A_SECOND = {"mono": 64_000, "stereo": 96_000}
COMPLEXITY = "5"  # of 10; halves the time, and the difference is inaudible


def convert(source: BinaryIO, target: BinaryIO, max_seconds: float) -> float:
    """Converts `source` into `target`, which must be empty. Returns the new duration in seconds.

    Raises:
        UnsupportedMedia: there is no sound in it.
    """
    samples = 0
    with opening.opened(source, max_seconds) as recording:
        layout = "mono" if len(recording.audio.codec_context.layout.channels) == 1 else "stereo"
        with av.open(target, "w", format="webm", options={"fflags": "+bitexact"}) as written:
            stream = written.add_stream("libopus", rate=RATE, layout=layout, options={"compression_level": COMPLEXITY})
            stream.bit_rate = BITS_A_SECOND[layout]
            stream.time_base = Fraction(1, RATE)
            for frame in resampled(opening.sound(recording), kind="s16", layout=layout, rate=RATE):
                frame.time_base = Fraction(1, RATE)
                samples += frame.samples
                written.mux(stream.encode(frame))
            written.mux(stream.encode(None))
    if not samples:
        raise UnsupportedMedia("not_audio", kinds=KINDS)
    return round(samples / RATE, 3)
