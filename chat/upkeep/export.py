"""Exports everything we hold about a person, for them to take: their right under GDPR, article 20."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from chat import audio, wire
from chat.audio import chunks
from chat.errors import NotFound
from chat.messages import storing
from chat.people import accounts
from chat.store import archive
from chat.store.connection import Document, Stores
from chat.upkeep.runs import Progress, ignore
from chat.wire import Message

FLUSH_PAGES = 1_000
PROFILE = ("_id", "email", "username", "bio", "createdAt", "lastSeen", "muted")


def expected(stores: Stores, user_id: str) -> int:
    """How many messages and recordings `export` will write. Raises PyMongoError."""
    own = stores.mongo[chunks.FILES].count_documents({"metadata.owner": user_id})
    return own + stores.mongo.messages.count_documents(_of_either(user_id))


def export(stores: Stores, user_id: str, file: IO[bytes], on_progress: Progress = ignore) -> int:
    """Writes a zip archive of a person's profile, messages, read marks and recordings. Returns the number of messages.

    It contains the messages they sent and received, but only their own recordings. Everything is streamed, so memory
    use stays small.

    Raises:
        NotFound: there is no such person.
        PyMongoError, RedisError: a store is away.
    """
    user = stores.mongo.users.find_one({"_id": user_id})
    if user is None:
        raise NotFound("no_such_person")
    storing.flush(stores, FLUSH_PAGES)  # now MongoDB has everything except what arrives at this very moment
    partners: set[str] = set()
    with ZipFile(file, "w", ZIP_DEFLATED) as zipped:
        _write(zipped, "profile.json", {name: user[name] for name in PROFILE if name in user})
        count = _write_messages(zipped, _messages(stores, user_id, partners), on_progress)
        people = {found["_id"]: found["username"] for found in accounts.profiles(stores, user_id, partners).values()}
        _write(zipped, "people.json", people)
        cursors = stores.mongo.cursors.find({"reader": user_id})
        _write(zipped, "read.json", {cursor["conversation"]: cursor["upTo"] for cursor in cursors})
        for recording in stores.mongo[chunks.FILES].find({"metadata.owner": user_id}):
            _write_recording(stores, zipped, recording)
            on_progress(1)
    return count


def _of_either(user_id: str) -> Document:
    return {"$or": [{"senderId": user_id}, {"receiverId": user_id}]}


def _messages(stores: Stores, user_id: str, partners: set[str]) -> Iterator[Message]:
    for document in stores.mongo.messages.find(_of_either(user_id)).sort("_id"):
        message = wire.message(archive.load_message(document))
        partners.update({message["senderId"], message["receiverId"]} - {user_id})
        yield message


def _write_messages(zipped: ZipFile, messages: Iterator[Message], on_progress: Progress) -> int:
    count = 0
    with zipped.open(_entry("messages.json"), "w", force_zip64=True) as entry:
        entry.write(b"[")
        for count, message in enumerate(messages, 1):
            entry.write(b",\n " if count > 1 else b"\n ")
            entry.write(wire.dumps(message))
            on_progress(1)
        entry.write(b"\n]\n")
    return count


def _write_recording(stores: Stores, zipped: ZipFile, recording: Document) -> None:
    metadata = recording["metadata"]
    named = audio.download_name(metadata["name"], metadata["mimetype"])
    entry = _entry(
        f"recordings/{recording['_id']}{PurePosixPath(named).suffix}", ZIP_STORED
    )  # audio is compressed already
    with zipped.open(entry, "w", force_zip64=True) as opened:
        for piece in audio.stream(stores, audio.find_linked(stores, recording["_id"])):
            opened.write(piece)


def _write(zipped: ZipFile, name: str, value: Any) -> None:
    zipped.writestr(_entry(name), json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _entry(name: str, compression: int = ZIP_DEFLATED) -> ZipInfo:
    entry = ZipInfo(name, datetime.now(UTC).timetuple()[:6])
    entry.compress_type = compression
    return entry
