"""Brings sound of any rate and kind, which may change on the way, to one rate and kind."""

from collections.abc import Iterable, Iterator

import av
from av.audio.frame import AudioFrame


def resampled(frames: Iterable[AudioFrame], *, kind: str, layout: str | None, rate: int) -> Iterator[AudioFrame]:
    """The same sound without a gap, in frames of this sample format, layout (None: its own) and rate.

    `rate` is in samples a second. `pts` counts samples from the first one, whatever the container's clock said.
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
