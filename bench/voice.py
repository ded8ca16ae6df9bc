"""A load of voice messages, to measure whether transcription keeps up and whether it slows text."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import Refused
from bench.people import Person
from bench.rest import Rest
from bench.sockets import Socket, connect
from dev.processes import LOOPBACK, ManagedProcess, free_port
from tests.deepgram_stand_in import KEY
from tests.recordings import spoken
from tests.stack import ROOT, clean_environment

RESPONSE_SECONDS = 0.3  # how long the stand-in for Deepgram takes
SETTLE_SECONDS = 30.0
BOUNDARY = "----load"


@contextmanager
def stand_in(folder: Path) -> Iterator[dict[str, str]]:
    """Runs the stand-in for Deepgram in a process of its own. Yields the settings that point at it."""
    import sys

    port = free_port()
    process = ManagedProcess(
        "Deepgram's stand-in",
        [sys.executable, "-m", "tests.deepgram_stand_in", str(port), "--delay", str(RESPONSE_SECONDS)],
        log=folder / "deepgram.log",
        environment=clean_environment(),
        folder=ROOT,
    )
    process.start()
    try:
        process.wait_ready(lambda: "DEEPGRAM_BASE_URL" in process.output(), 20)
        yield {"DEEPGRAM_API_KEY": KEY, "DEEPGRAM_BASE_URL": f"http://{LOOPBACK}:{port}"}
    finally:
        process.stop()


@dataclass
class Spoken:
    """Seconds from post to transcript of each voice message; `lost` counts those that never arrived."""

    posted: int = 0
    refused: int = 0
    lost: int = 0
    latencies: list[float] = field(default_factory=list)

    def add(self, more: "Spoken") -> None:
        self.posted += more.posted
        self.refused += more.refused
        self.lost += more.lost
        self.latencies += more.latencies


class Speakers:
    """Pairs of people who send voice messages at a fixed rate."""

    def __init__(self, rest: Rest, url: str, pairs: list[tuple[Person, Person]]) -> None:
        self._rest, self._url, self._pairs = rest, url, pairs
        self._sockets: list[Socket] = []
        self._received: dict[str, float] = {}

    async def begin(self) -> None:
        for _, receiver in self._pairs:
            self._sockets.append(await connect(self._url, receiver.token, self._record))

    def _record(self, frame: bytes) -> None:
        if frame.startswith(b"application:messages---"):
            message = json.loads(frame.partition(b"---")[2])
            if message["audioFileId"] and message["status"] == "delivered":
                self._received[message["_id"]] = time.perf_counter()

    async def speak(self, rate: float, seconds: float) -> Spoken:
        """Uploads and posts `rate` recordings a second."""
        outcome, due = Spoken(), {}
        content = _form(spoken("amiable.webm"))
        began = time.perf_counter()

        async def one(number: int) -> None:
            sender, receiver = self._pairs[number % len(self._pairs)]
            try:
                made = await self._rest.call(
                    "POST", "/upload", sender.token, content, f"multipart/form-data; boundary={BOUNDARY}"
                )
            except Refused:  # more arrive than can be read
                outcome.refused += 1
                return
            upload = json.loads(made)["files"][0]["audioFileUuid"]
            at = time.perf_counter()
            message = await self._rest.json(
                "POST", "/chat", sender.token, {"receiverId": receiver.id, "audioFileId": upload}
            )
            due[message["_id"]] = at

        tasks = []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(one(number)))
        await asyncio.gather(*tasks)
        until = time.perf_counter() + SETTLE_SECONDS
        while not due.keys() <= self._received.keys() and time.perf_counter() < until:
            await asyncio.sleep(0.05)
        outcome.posted = len(due)
        outcome.lost = len(due.keys() - self._received.keys())
        outcome.latencies = sorted(self._received[each] - at for each, at in due.items() if each in self._received)
        return outcome

    def end(self) -> None:
        for socket in self._sockets:
            socket.close()


def _form(content: bytes) -> bytes:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\n'
        "Content-Type: audio/webm\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
