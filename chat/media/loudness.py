"""The peaks of a waveform: how loud each two-hundredth of a recording is."""

from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

PEAKS = 200
TOP = 255
BLOCKS_A_SECOND = 200  # the resolution in which loudness is collected
SILENCE = 0.01  # of full scale; a recording that never gets louder is not scaled up


class Loudness:
    """Collects the loudness of a recording, frame by frame; keeps one number for every 5 ms."""

    def __init__(self) -> None:
        self._blocks: list[NDArray[np.float32]] = []
        self._waiting: list[NDArray[np.float32]] = []
        self._kind: tuple[int, int] = (0, 0)  # rate and channels of the waiting samples
        self._samples = 0

    def add(self, frame: AudioFrame) -> None:
        samples = _normal(frame)
        kind = (frame.sample_rate, samples.shape[0])
        if kind != self._kind:
            self._flush()
            self._kind = kind
        self._waiting.append(samples)
        self._samples += samples.shape[1]
        if self._samples >= frame.sample_rate:  # numpy is faster with many samples at once
            self._flush()

    def peaks(self) -> list[int]:
        """`PEAKS` values from 0 to `TOP`, relative to the loudest; at each moment the loudest channel counts."""
        self._flush(rest=True)
        if not self._blocks:
            return [0] * PEAKS
        power = np.concatenate(self._blocks)
        edges = np.arange(PEAKS + 1) * len(power) // PEAKS
        sums = np.concatenate(([0.0], np.cumsum(power, dtype=np.float64)))
        starts, stops = edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)
        levels = np.sqrt(np.maximum((sums[stops] - sums[starts]) / (stops - starts), 0))
        scaled = levels / max(float(levels.max()), SILENCE) * TOP
        return [int(level) for level in np.rint(scaled)]

    def _flush(self, *, rest: bool = False) -> None:
        """Adds the mean power of each complete block, in its loudest channel; `rest` adds the last one too."""
        if not self._samples:
            return
        samples = np.concatenate(self._waiting, axis=1)
        size = max(1, self._kind[0] // BLOCKS_A_SECOND)
        whole = samples.shape[1] - samples.shape[1] % size
        if whole:
            parts = samples[:, :whole].reshape(samples.shape[0], -1, size)
            self._blocks.append(np.square(parts).mean(axis=2).max(axis=0))
        if rest and whole < samples.shape[1]:
            self._blocks.append(np.square(samples[:, whole:]).mean(axis=1).max(keepdims=True))
        self._waiting = [samples[:, whole:]]
        self._samples = samples.shape[1] - whole


def _normal(frame: AudioFrame) -> NDArray[np.float32]:
    """The samples of a frame, from -1 to 1, one row per channel."""
    found: NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        found = found.reshape(-1, len(frame.layout.channels)).T
    if found.dtype == np.uint8:
        return (found.astype(np.float32) - 128) / np.float32(128)
    if np.issubdtype(found.dtype, np.integer):
        return found.astype(np.float32) / np.float32(1 << found.dtype.itemsize * 8 - 1)
    clipped: NDArray[np.float32] = np.clip(np.nan_to_num(found.astype(np.float32)), -1, 1)
    return clipped
