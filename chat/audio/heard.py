"""What was heard in a recording while it was made: kept in Redis for whoever looks at it, and for the message.

A recording's `state` is `followed` while somebody listens or is to listen to it, `finished` once all of it was heard,
and `left` where nobody could: then it is transcribed after it is sent. Losing any of this only means that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from chat.media.sandbox import Prepared
from chat.store import keys
from chat.store.connection import Stores
from chat.wire import Word

FOLLOWED, FINISHED, LEFT = "followed", "finished", "left"
WAIT_SECONDS = 30  # that a message waits for the follower of its recording, before it is transcribed otherwise
KEPT_SECONDS = 86_400  # as long as a recording that is made may rest
MISSING_SECONDS = 1.0  # of a recording's end; with more, the decoder has not come as far as the one for whole files


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of a recording's first `seconds`.

    The first `settled` words, and their text `settled_text`, will not change any more; they take up the first
    `settled_seconds`, where a new listener can begin. `confidence` is the mean of the words', if they have any.
    Where its speaker has stopped and all words are settled, `settled_bytes` is how many bytes of it there were.
    """

    text: str = ""
    words: list[Word] = field(default_factory=list)
    settled: int = 0
    seconds: float = 0.0
    settled_text: str = ""
    settled_seconds: float = 0.0
    settled_bytes: int = 0
    language: str | None = None  # BCP 47
    confidence: float | None = None
    state: str = FOLLOWED

    @property
    def finished(self) -> bool:
        """Whether all of the recording was heard."""
        return self.state == FINISHED

    def covers(self, duration: float | None) -> bool:
        """Whether all of a recording of so many seconds was heard."""
        return self.finished and self.seconds >= (duration or 0.0) - MISSING_SECONDS

    def until(self, seconds: float) -> "Heard":
        """What was heard of the first `seconds`; a word belongs to them if it begins there."""
        words = [word for word in self.words if word["start"] < seconds]
        sure = [word["confidence"] for word in words if word["confidence"] is not None]
        return replace(
            self,
            text=text_of(self.text, words),
            words=words,
            settled=min(self.settled, len(words)),
            settled_text=text_of(self.settled_text, words[: self.settled]),
            settled_seconds=min(self.settled_seconds, seconds),
            confidence=round(sum(sure) / len(sure), 4) if sure else None,
        )


def save(stores: Stores, recording_id: str, heard: Heard) -> None:
    """Keeps what was heard; its state stays as it is. Whoever is not the follower any more must not call it."""
    fields: dict[str, str | bytes | float] = {
        "text": heard.text,
        "words": orjson.dumps(heard.words),
        "settled": heard.settled,
        "seconds": heard.seconds,
        "settledText": heard.settled_text,
        "settledSeconds": heard.settled_seconds,
        "settledBytes": heard.settled_bytes,
        "language": heard.language or "",
        "confidence": "" if heard.confidence is None else heard.confidence,
    }
    key = keys.heard_key(recording_id)
    with stores.redis.pipeline() as pipe:
        pipe.hset(key, mapping=fields)
        pipe.expire(key, KEPT_SECONDS)
        pipe.execute()


def read(stores: Stores, recording_id: str) -> Heard | None:
    """What was heard of a recording; None if nobody was to listen to it."""
    return read_all(stores, [recording_id])[0]


def read_all(stores: Stores, recording_ids: Sequence[str]) -> list[Heard | None]:
    """The same for several, in one round trip."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for recording_id in recording_ids:
            pipe.hgetall(keys.heard_key(recording_id))
        return [_parsed(found) for found in pipe.execute()]


def note_measured(stores: Stores, recording_id: str, length: int, measured: dict[str, Any]) -> None:
    """Keeps what a recording of so many bytes was measured to be while it was decoded."""
    stores.redis.hset(keys.heard_key(recording_id), "measured", orjson.dumps([length, measured]))


def measured(stores: Stores, recording_id: str, length: int) -> Prepared | None:
    """A recording of so many bytes as it is to be stored, if whoever listened to it found that it can stay as it is."""
    noted = stores.redis.hget(keys.heard_key(recording_id), "measured")
    if not noted:
        return None
    found_length, found = orjson.loads(noted)
    if found_length != length or not found["playable"]:
        return None
    return Prepared(found["mimetype"], found["duration"], found["peaks"], converted=False)


def cut_off(stores: Stores, recording_id: str, seconds: float) -> None:
    """From now on, what was heard behind that second does not count, nor what is heard there yet."""
    if stores.redis.exists(keys.heard_key(recording_id)):
        stores.redis.hset(keys.heard_key(recording_id), "cut", seconds)


def is_followed(stores: Stores, recording_id: str) -> bool:
    """Whether somebody is still to listen to a recording."""
    return bool(stores.redis.hget(keys.heard_key(recording_id), "state") == FOLLOWED.encode())


def forget(stores: Stores, recording_ids: Sequence[str]) -> None:
    """Erases what was heard in recordings that were discarded."""
    if recording_ids:
        stores.redis.delete(*map(keys.heard_key, recording_ids))


def leave(stores: Stores, recording_id: str) -> None:
    """Has a recording's follower stop: its message is transcribed otherwise."""
    if stores.redis.exists(keys.heard_key(recording_id)):
        stores.redis.hset(keys.heard_key(recording_id), "state", LEFT)


def _parsed(found: dict[bytes, bytes]) -> Heard | None:
    state = found.get(b"state", b"").decode()
    if not state:
        return None
    if b"words" not in found:  # nothing yet
        return Heard(state=state)
    confidence = found[b"confidence"]
    heard = Heard(
        text=found[b"text"].decode(),
        words=orjson.loads(found[b"words"]),
        settled=int(found[b"settled"]),
        seconds=float(found[b"seconds"]),
        settled_text=found[b"settledText"].decode(),
        settled_seconds=float(found[b"settledSeconds"]),
        settled_bytes=int(found.get(b"settledBytes", 0)),
        language=found[b"language"].decode() or None,
        confidence=float(confidence) if confidence else None,
        state=state,
    )
    return heard.until(float(found[b"cut"])) if b"cut" in found else heard


def text_of(text: str, words: Sequence[Word]) -> str:
    """The beginning of a text that ends with these words."""
    end = 0
    for word in words:
        at = text.find(word["word"], end)
        end = end if at < 0 else at + len(word["word"])
    return text[:end]
