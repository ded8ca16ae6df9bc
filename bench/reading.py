"""Reads pages of history, and searches, in conversations of very different lengths."""

import asyncio
import random
import time
from dataclasses import dataclass

import orjson

from bench.people import Person, sign_up
from bench.rest import Rest
from bench.rows import progress
from bench.servers import Meter, Usage
from chat import ids
from chat.messages import storing
from chat.store.connection import Stores
from chat.wire import StoredMessage
from tests.stack import Stack
from tests.stores import open_stores

LENGTHS = (100, 10_000, 100_000)
BATCH = 1_000
PAGES = 400
SEARCHES = 300
INDEX_SECONDS = 120.0
STEP_MS = 2_000  # between two messages


@dataclass
class Reading:
    """Latencies in seconds."""

    pages: dict[int, list[float]]
    searches: list[float]
    pages_cpu: dict[str, Usage]
    searches_cpu: dict[str, Usage]


def vocabulary() -> list[str]:
    """Made-up words to write messages with."""
    rng = random.Random(7)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    return ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(5_000)]


def fill(stores: Stores, one: Person, other: Person, length: int, words: list[str]) -> list[str]:
    """Writes a conversation of so many messages to both stores, with words as uneven as real ones. Returns the ids."""
    rng = random.Random(length)
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    begin = int(time.time() * 1_000) - (length + 30) * STEP_MS
    made = []
    for start in range(0, length, BATCH):
        batch = [
            _document(one, other, begin + number * STEP_MS, " ".join(rng.choices(words, weights, k=8)), number)
            for number in range(start, min(start + BATCH, length))
        ]
        storing.store_listed(stores, batch)
        storing.store_archive(stores, batch)
        storing.confirm(stores, batch)
        made += [document["_id"] for document in batch]
    return made


def _document(one: Person, other: Person, moment: int, text: str, number: int) -> StoredMessage:
    sender, receiver = (one, other) if number % 2 else (other, one)
    return {
        "_id": ids.message_id(f"{moment}-0", f"{random.getrandbits(64):016x}"),
        "senderId": sender.id,
        "receiverId": receiver.id,
        "dateSent": ids.timestamp(moment),
        "text": text,
        "audioFileId": None,
        "status": "delivered",
        "revision": 1,
    }


async def measure(stack: Stack, rest: Rest, scale: float) -> Reading:
    words = vocabulary()
    reader, *partners = await sign_up(rest, 1 + len(LENGTHS))
    progress("writing the conversations")
    with open_stores(stack.settings()) as stores:
        made = {
            length: await asyncio.to_thread(fill, stores, reader, partner, length, words)
            for length, partner in zip(LENGTHS, partners, strict=True)
        }
    await _indexed(rest, reader, words[0])
    progress("reading pages, and searching")
    meter = Meter(stack)
    meter.start()
    pages: dict[int, list[float]] = {length: [] for length in LENGTHS}
    for _ in range(int(PAGES * scale)):
        for length, partner in zip(LENGTHS, partners, strict=True):  # alternating, so that noise hits all alike
            before = random.choice(made[length][50:])
            pages[length].append(await _timed(rest, reader, f"/chat/{partner.id}?limit=50&before={before}", 50))
    pages_cpu = meter.stop()
    meter.start()
    searches = []
    for number in range(int(SEARCHES * scale)):
        word = random.choice(words[: 10 ** (number % 4 + 1)])
        searches.append(await _timed(rest, reader, f"/search?q={word}", None))
    return Reading(pages, searches, pages_cpu, meter.stop())


async def _timed(rest: Rest, reader: Person, path: str, expected: int | None) -> float:
    began = time.perf_counter()
    answer = await rest.call("GET", path, reader.token)
    took = time.perf_counter() - began
    if expected is not None and len(orjson.loads(answer)) != expected:
        raise ValueError(f"{path} returned {len(orjson.loads(answer))} messages")
    return took


async def _indexed(rest: Rest, reader: Person, word: str) -> None:
    """Waits until RediSearch has indexed everything, which it does in the background."""
    until, count = time.monotonic() + INDEX_SECONDS, -1
    while time.monotonic() < until:
        found = len(await rest.json("GET", f"/search?q={word}&limit=100&offset=9000", reader.token))
        if found and found == count:
            return
        count = found
        await asyncio.sleep(0.5)
