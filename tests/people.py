"""People and messages for tests of `chat/`, made by the code under test."""

import io
import secrets
from unittest.mock import patch

from chat import audio, ids
from chat.media.sandbox import Prepared
from chat.messages import draining, sending, storing
from chat.messages.log import Draft
from chat.store import hot, keys, partitions
from chat.store.connection import Stores
from chat.wire import Changes, Message, StoredMessage
from tests import recordings

DAY_MS = 86_400_000
PEAKS = [number % 256 for number in range(200)]


def someone(stores: Stores, name: str) -> str:
    """Creates a person in both stores and returns their id."""
    user_id = ids.lowest_id(1_700_000_000_000)[:-12] + secrets.token_hex(6).upper()
    user = {
        "_id": user_id,
        "email": f"{name}@example.org",
        "emailKey": f"{name}@example.org",
        "username": name,
        "usernameKey": name.casefold(),
        "createdAt": "2026-01-01T00:00:00.000Z",
        "revision": 1,
    }
    stores.mongo.users.insert_one(user)
    hot.save_user(stores, user)
    return user_id


def nobody_to_wake() -> None:
    """A `wake` for tests that drain the log themselves."""


def send(stores: Stores, sender: str, receiver: str, text: str, client_id: str | None = None) -> Message:
    return sending.accept(stores, Draft(sender, receiver, text, None, client_id), nobody_to_wake)


def upload(stores: Stores, owner: str, content: bytes | None = None) -> str:
    """Uploads a recording, by default six seconds of a human voice, and returns its id."""
    file = io.BytesIO(recordings.spoken() if content is None else content)
    new = audio.NewRecording(file, "voice.webm", Prepared("audio/webm", 6.05, PEAKS, converted=False))
    return audio.save_all(stores, owner, [new])[0].id


def send_voice(stores: Stores, sender: str, receiver: str, caption: str = "", recording: str | None = None) -> Message:
    draft = Draft(sender, receiver, caption, recording or upload(stores, sender))
    return sending.accept(stores, draft, nobody_to_wake)


def change(stores: Stores, message_id: str, fields: Changes) -> StoredMessage | None:
    """Changes a message as it is in Redis now."""
    (message,) = hot.read_messages(stores, [message_id])
    assert message is not None
    return storing.change(stores, message, fields)


def drain(stores: Stores) -> list[str]:
    """Drains the log and returns the ids of the voice messages in it."""
    voices: list[str] = []
    with patch.multiple(draining, LINGER_MS=1, LINGER_ROUNDS=1):  # nothing more will arrive
        assert draining.drain(stores, voices.append) is False
    return voices


def partition_of(stores: Stores, pair: tuple[str, str]) -> int:
    return partitions.of_conversation(stores, ids.conversation_id(*pair))


def key_of(stores: Stores, message_id: str) -> str:
    """The key of a message in Redis."""
    return keys.message_key(partitions.of_message(stores, message_id), message_id)


def log_of(stores: Stores, pair: tuple[str, str]) -> str:
    """The key of the log in which their messages are accepted."""
    return keys.accepted_key(partition_of(stores, pair))


def archive_only(stores: Stores, pair: tuple[str, str], count: int) -> list[str]:
    """Adds messages older than the hot window to the archive only, and returns their texts."""
    start = ids.now_ms() - (stores.settings.hot_window_days + 10) * DAY_MS
    rows = [
        {
            "_id": ids.message_id(f"{start + n}-0", ids.new_entropy(ids.conversation_id(*pair))),
            "conversation": ids.conversation_id(*pair),
            "senderId": pair[n % 2],
            "receiverId": pair[1 - n % 2],
            "dateSent": ids.timestamp(start + n),
            "text": f"old {n}",
            "status": "delivered",
            "revision": 1,
        }
        for n in range(count)
    ]
    stores.mongo.messages.insert_many(rows)
    return [row["text"] for row in rows]


def said(found: list[Message]) -> list[str]:
    return [message["text"] for message in found]
