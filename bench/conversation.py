"""A long conversation, a fifth of it spoken, as the page has to show it."""

import random
import time
from typing import cast

from bench.reading import vocabulary
from chat import ids
from chat.messages import storing
from chat.wire import StoredMessage
from tests.client import Person
from tests.stack import Stack
from tests.stores import open_stores

VOICE_EVERY = 5
VOICE_WORDS = 20
WORD_SECONDS = 0.4
TEXT_WORDS = 30  # at most
BATCH = 1_000
STEP_MS = 60_000  # between two messages


def write(stack: Stack, reader: Person, partner: Person, length: int, *, new: int = 0) -> list[str]:
    """Writes a conversation of so many messages to both stores. Returns their ids. The last `new` were not read yet."""
    words, made = vocabulary(), []
    begin = int(time.time() * 1_000) - (length + 1) * STEP_MS
    with open_stores(stack.settings()) as stores:
        for start in range(0, length, BATCH):
            numbers = range(start, min(start + BATCH, length))
            batch = [_message(reader, partner, begin + number * STEP_MS, number, words) for number in numbers]
            storing.store_listed(stores, batch)
            storing.store_archive(stores, batch)
            storing.confirm(stores, batch)
            made += [message["_id"] for message in batch]
    reader.call("POST", f"/chat/{partner.id}/read", 204, json={"upTo": made[-1 - new]})
    return made


def _message(reader: Person, partner: Person, moment: int, number: int, words: list[str]) -> StoredMessage:
    rng = random.Random(number)
    sender, receiver = (reader, partner) if number // 3 % 2 else (partner, reader)
    is_spoken = number % VOICE_EVERY == 0
    said = rng.choices(words, k=VOICE_WORDS if is_spoken else rng.randint(1, TEXT_WORDS))
    return cast(
        "StoredMessage",
        {
            "_id": ids.message_id(f"{moment}-0", f"{rng.getrandbits(64):016x}"),
            "senderId": sender.id,
            "receiverId": receiver.id,
            "dateSent": ids.timestamp(moment),
            "text": " ".join(said),
            "audioFileId": None,
            "status": "delivered",
            "revision": 1,
            **(_voice(rng, said) if is_spoken else {}),
        },
    )


def _voice(rng: random.Random, said: list[str]) -> dict[str, object]:
    return {
        "audioFileId": f"{rng.getrandbits(128):032x}",
        "duration": len(said) * WORD_SECONDS,
        "peaks": [rng.randrange(256) for _ in range(200)],  # noise, which compresses worse than speech
        "language": "en",
        "confidence": 0.9,
        "words": [
            {
                "word": word,
                "start": round(at * WORD_SECONDS, 3),
                "end": round((at + 1) * WORD_SECONDS, 3),
                "confidence": round(rng.uniform(0.3, 1), 3),
            }
            for at, word in enumerate(said)
        ],
    }
