"""Resamples sound whose rate and format may change on the way."""

from collections.abc import Iterable, Iterator

import av
from av.audio.frame import AudioFrame


def resampled(frames: Iterable[AudioFrame], *, kind: str, layout: str | None, rate: int) -> Iterator[AudioFrame]:
    """Converts frames to one sample format, layout (None keeps it) and rate (samples a second).

    The new timestamps (`pts`) count samples from 0 without a gap, whatever the container said.
    """
    count = 0
    for made in _unplaced(frames, kind, layout, rate):
        made.pts = count
        count += made.samples
        yield made


def _unplaced(frames: Iterable[AudioFrame], kind: str, layout: str | None, rate: int) -> Iterator[AudioFrame]:
    resampler: av.AudioResampler | None = None
    before: tuple[str, str, int] | None = None
    for frame in frames:
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if now != before:
            if resampler is not None:
                yield from resampler.resample(None)
            resampler, before = av.AudioResampler(format=kind, layout=layout, rate=rate), now
        frame.pts = None
        if resampler is not None:
            yield from resampler.resample(frame)
    if resampler is not None:
        yield from resampler.resample(None)
