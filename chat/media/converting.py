"""Makes of any recording what every browser plays: Opus in WebM, with times that count from its first sample.

Chrome and Firefox play that since ever, Safari since 14.1 on a Mac and since iOS 17.4; Opus in Ogg only since 18.4.
"""

from fractions import Fraction
from typing import BinaryIO

import av

from chat.errors import UnsupportedMedia
from chat.media import opening
from chat.media.containers import WEBM
from chat.media.refusals import NOT_AUDIO
from chat.media.resampling import resampled

MIMETYPE = WEBM.mimetype
RATE = 48_000  # samples a second, Opus's own
BITS_A_SECOND = {"mono": 64_000, "stereo": 96_000}
EFFORT = "5"  # of 10; takes half the time, and nobody hears the difference


def convert(source: BinaryIO, target: BinaryIO, most_seconds: float) -> float:
    """Write the sound of `source` to `target`, which must be empty. Returns its duration in seconds.

    Raises:
        UnsupportedMedia: there is no sound in it.
    """
    samples = 0
    with opening.opened(source, most_seconds) as recording:
        layout = "mono" if len(recording.audio.codec_context.layout.channels) == 1 else "stereo"
        with av.open(target, "w", format="webm", options={"fflags": "+bitexact"}) as written:
            stream = written.add_stream("libopus", rate=RATE, layout=layout, options={"compression_level": EFFORT})
            stream.bit_rate = BITS_A_SECOND[layout]
            stream.time_base = Fraction(1, RATE)
            for frame in resampled(opening.sound(recording), kind="s16", layout=layout, rate=RATE):
                frame.time_base = Fraction(1, RATE)
                samples += frame.samples
                written.mux(stream.encode(frame))
            written.mux(stream.encode(None))
    if not samples:
        raise UnsupportedMedia(NOT_AUDIO)
    return round(samples / RATE, 3)
