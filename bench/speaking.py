"""People who record voice messages that travel while they are made, as the page does it: by tus, in pieces."""

import asyncio
import base64
import io
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from bench.people import Person
from bench.rest import Rest
from bench.sockets import Socket, connect
from chat.audio.decoding import RATE, speech

RECORDINGS = Path(__file__).parent / "recordings"
PAUSE_SECONDS = 0.8  # between two recordings in a row, as between two sentences
QUIET = 500  # of 32,768
PIECE_SECONDS = 0.3  # of sound in a piece, as the page has it
OPUS_RATE = 48_000
BITS = 32_000  # a second
SETTLE_SECONDS = 60.0
TUS = {"Tus-Resumable": "1.0.0"}
PIECE_TYPE = {"Content-Type": "application/offset+octet-stream"}


def spoken_pieces(seconds: float, ends: float | None = None) -> list[bytes]:
    """So many seconds of speech as a browser records them: WebM, in pieces of `PIECE_SECONDS`.

    With `ends`, they end that far into what is read again and again, so that recordings of any length end with the same
    words. Such a one begins with the first sound, and may be up to a pause shorter.
    """
    loop = _read_aloud()
    count = int(seconds * RATE)
    first = 0 if ends is None else (int(ends * RATE) - count) % len(loop)
    samples = np.resize(np.roll(loop, -first), count)
    samples = samples[int(np.flatnonzero(np.abs(samples) > QUIET)[0]) :]  # so that time begins with the first sound
    pieces: list[bytes] = []
    buffer = io.BytesIO()
    options = {"live": "1", "cluster_time_limit": "40", "flush_packets": "1"}
    with av.open(buffer, "w", format="webm", options=options) as target:
        stream = target.add_stream("libopus", rate=OPUS_RATE, layout="mono")
        stream.bit_rate = BITS
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=OPUS_RATE)
        step, taken = int(PIECE_SECONDS * RATE), 0
        for at in range(0, len(samples), step):
            frame = av.AudioFrame.from_ndarray(samples[at : at + step].reshape(1, -1), "s16", "mono")
            frame.sample_rate = RATE
            for made in resampler.resample(frame):
                made.pts = None
                target.mux(stream.encode(made))
            pieces.append(buffer.getvalue()[taken:])
            taken += len(pieces[-1])
        target.mux(stream.encode(None))
    pieces[-1] += buffer.getvalue()[taken:]
    return pieces


@lru_cache(maxsize=1)
def _read_aloud() -> npt.NDArray[np.int16]:
    """What is read aloud, with a pause behind each sentence, from its first sound on."""
    pause = bytes(int(PAUSE_SECONDS * RATE) * 2)
    parts = [b"".join(speech(file.read_bytes(), 600)) + pause for file in sorted(RECORDINGS.glob("austen*.opus"))]
    together = np.frombuffer(b"".join(parts), np.int16)
    return together[int(np.flatnonzero(np.abs(together) > QUIET)[0]) :]


def read_seconds() -> float:
    """How long it takes to read it once."""
    return len(_read_aloud()) / RATE


@dataclass
class Said:
    """Seconds of one voice message: from the first sound to the first words its speaker saw; and from the last sound to
    the answer to its last piece (`stored`), to its being accepted (`sent`), and to the receiver's frame with the
    transcript (`whole`). `words` of it; `waited`: the receiver was told to wait in between.
    """

    first: float = float("nan")
    stored: float = float("nan")
    sent: float = float("nan")
    whole: float = float("nan")
    words: int = 0
    waited: bool = False
    text: str = ""


@dataclass
class _Seen:
    """What the sockets of a pair saw."""

    captions: list[float] = field(default_factory=list)  # when, for those that have words
    message: dict[str, object] = field(default_factory=dict)
    at: float = 0.0
    waited: bool = False


class Speaker:
    """Somebody who speaks to somebody else; both have a socket."""

    def __init__(self, rest: Rest, url: str, pair: tuple[Person, Person]) -> None:
        self._rest = rest
        self._url = url
        self.sender, self.receiver = pair
        self._seen = _Seen()
        self._sockets: list[Socket] = []

    async def begin(self) -> None:
        self._sockets = [
            await connect(self._url, self.sender.token, self._see_captions),
            await connect(self._url, self.receiver.token, self._see_message),
        ]

    def end(self) -> None:
        for socket in self._sockets:
            socket.close()

    async def speak(self, pieces: Sequence[bytes], faster_until: int = 0, speed: float = 1.0) -> Said:
        """Sends pieces as they are recorded, then the message; the first ones, if wanted, some times faster."""
        self._seen = _Seen()
        address = await self._create()
        began, due, offset = time.perf_counter(), 0.0, 0
        for number, piece in enumerate(pieces, 1):
            due += PIECE_SECONDS / (speed if number <= faster_until else 1.0)
            await asyncio.sleep(max(0.0, began + due - time.perf_counter()))
            headers = {**TUS, **PIECE_TYPE, "Upload-Offset": str(offset)}
            offset += len(piece)
            if number == len(pieces):
                headers["Upload-Length"] = str(offset)
            await self._rest.exchange("PATCH", f"/recordings/{address}", self.sender.token, piece, headers)
        ended, stored = began + due, time.perf_counter()
        await self._rest.json(
            "POST", "/chat", self.sender.token, {"receiverId": self.receiver.id, "audioFileId": address}
        )
        sent = time.perf_counter()
        until = time.perf_counter() + SETTLE_SECONDS
        while not self._seen.message and time.perf_counter() < until:
            await asyncio.sleep(0.01)
        return self._said(began, ended, stored, sent)

    async def _create(self) -> str:
        named = {"filetype": "audio/webm", "receiverId": self.receiver.id}
        metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in named.items())
        headers = {**TUS, "Upload-Defer-Length": "1", "Upload-Metadata": metadata}
        head, _ = await self._rest.exchange("POST", "/recordings", self.sender.token, b"", headers)
        location = head.partition(b"\r\nlocation:")[2].partition(b"\r\n")[0]
        return location.decode().strip().rpartition("/")[2]

    def _said(self, began: float, ended: float, stored: float, sent: float) -> Said:
        seen = self._seen
        text = str(seen.message.get("text", ""))
        return Said(
            first=seen.captions[0] - began if seen.captions else float("nan"),
            stored=stored - ended,
            sent=sent - ended,
            whole=seen.at - ended if seen.message.get("status") == "delivered" else float("nan"),
            words=len(text.split()),
            waited=seen.waited,
            text=text,
        )

    def _see_captions(self, frame: bytes) -> None:
        if frame.startswith(b"application:captions---") and b'"word":' in frame:
            self._seen.captions.append(time.perf_counter())

    def _see_message(self, frame: bytes) -> None:
        channel, _, data = frame.partition(b"---")
        if channel == b"application:status":
            self._seen.waited |= b'"status":"transcribing"' in data
        elif channel == b"application:messages":
            self._seen.at, self._seen.message = time.perf_counter(), json.loads(data)
