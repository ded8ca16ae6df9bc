"""Stores recordings in GridFS, and decides who may read them.

An upload belongs to its owner until a message claims it, then to the two people of the conversation. The claim is made
in Redis before the message is accepted (in the hash `keys.upload_key`, see `claim_upload.lua`). It goes to GridFS
before the message is archived, so that no archived message has an unclaimed recording. An unclaimed upload expires
after `UPLOAD_TTL`.

`keys.UPLOADS_PENDING_DELETION` lists what to erase and from when on: uploads being written, so that a process that dies
leaves nothing behind, and deleted recordings, so that MongoDB may be away when they are deleted.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, NamedTuple

from pymongo import UpdateOne
from pymongo.errors import PyMongoError
from redis.client import Pipeline

from chat import ids
from chat.audio import chunks
from chat.audio.names import clean_name
from chat.errors import NotFound, TooLarge
from chat.media.sandbox import Prepared
from chat.store import keys
from chat.store.connection import Document, Stores

WRITING_SECONDS = 3_600  # an upload still being written after this is erased
CLAIM_KEPT_SECONDS = 3_600  # how long Redis keeps a claim after GridFS has it


@dataclass(frozen=True, slots=True)
class NewRecording:
    """A recording to store: an open file, the name its sender gave it, and what it was found to be."""

    file: BinaryIO
    given_name: str | None
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class Upload:
    """A stored recording; `duration` in seconds, `length` in bytes, `peaks` from 0 to 255 (none of old recordings)."""

    id: str
    owner: str
    name: str
    mimetype: str
    duration: float
    peaks: list[int]
    length: int
    chunk_bytes: int


class Claim(NamedTuple):
    """A message that has an upload as its recording."""

    upload_id: str
    message_id: str
    conversation: str


@dataclass(frozen=True, slots=True)
class Recording:
    content: bytes
    mimetype: str


def save_all(stores: Stores, owner_id: str, recordings: Sequence[NewRecording]) -> list[Upload]:
    """Stores uploads, so that afterwards either all can be claimed or none. Never has a whole one in memory.

    Raises:
        PyMongoError, RedisError: a store is away. What was already written is erased later.
    """
    upload_ids = [str(uuid.uuid4()) for _ in recordings]
    stores.redis.zadd(keys.UPLOADS_PENDING_DELETION, dict.fromkeys(upload_ids, _now() + WRITING_SECONDS))
    try:
        uploads = [_write(stores, owner_id, i, one) for i, one in zip(upload_ids, recordings, strict=True)]
    except BaseException:
        stores.redis.zadd(keys.UPLOADS_PENDING_DELETION, dict.fromkeys(upload_ids, _now()))
        raise
    keep(stores, upload_ids)
    with stores.redis.pipeline(transaction=False) as pipe:
        for upload in uploads:
            offer(stores, upload, pipe)
        pipe.execute()
    return uploads


def save(stores: Stores, owner_id: str, upload_id: str, recording: NewRecording) -> Upload:
    """Stores an upload under an id that is known already; then `keep` and `offer` it. Only one process may at a time.

    Raises:
        PyMongoError, RedisError: a store is away. Call again, or what was written is erased later.
    """
    stores.redis.zadd(keys.UPLOADS_PENDING_DELETION, {upload_id: _now() + WRITING_SECONDS})
    stores.mongo[chunks.CHUNKS].delete_many({"files_id": upload_id})  # what a process wrote that died
    return _write(stores, owner_id, upload_id, recording, travelled=True)


def offer(stores: Stores, upload: Upload, pipe: Pipeline) -> None:
    """Lets a stored upload that is kept be claimed for `UPLOAD_TTL`."""
    pipe.hset(keys.upload_key(upload.id), mapping=_hash(upload))
    pipe.expire(keys.upload_key(upload.id), stores.settings.upload_ttl)


def keep(stores: Stores, upload_ids: Sequence[str]) -> None:
    """Has uploads that are whole no longer erased as half written; if nobody claims them, they expire.

    This comes before they are offered: what a message has claimed would be erased.
    """
    stores.redis.zrem(keys.UPLOADS_PENDING_DELETION, *upload_ids)


def find_stored(stores: Stores, upload_id: str) -> Upload | None:
    """Returns an upload that is in GridFS, whoever owns it. Raises PyMongoError."""
    document = stores.mongo[chunks.FILES].find_one({"_id": upload_id})
    return None if document is None else _upload(document)


def find(stores: Stores, upload_id: str, reader_id: str) -> Upload:
    """Returns an upload that this person may read.

    Raises:
        NotFound: there is none, or this person may not know of it.
    """
    # Ask Redis first: a claim leaves Redis only after GridFS has it, so none can be missed in between.
    owner, claim, receiver = _claim(stores, upload_id)
    document = _document(stores, upload_id)
    metadata = document["metadata"]
    if "conversation" in metadata:
        readers: list[str | None] = list(ids.people_of(metadata["conversation"]))
    elif claim is not None:
        readers = [owner, receiver]
    else:  # its owner may, for as long as it can be sent
        can_be_sent = owner is not None or _age(document) < stores.settings.upload_ttl
        readers = [metadata["owner"]] if can_be_sent else []
    if reader_id not in readers:
        raise _no_such_file()
    return _upload(document)


def find_linked(stores: Stores, upload_id: str) -> Upload:
    """Returns an upload without checking who may read it. Raises NotFound if it is gone."""
    return _upload(_document(stores, upload_id))


def stream(stores: Stores, upload: Upload, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Lazily yields the bytes from `start` up to but excluding `stop`, in pieces of at most a chunk."""
    end = upload.length if stop is None else min(stop, upload.length)
    return chunks.read(stores.mongo, upload.id, upload.chunk_bytes, start, end)


def read(stores: Stores, upload_id: str) -> Recording:
    """Returns a whole recording for transcribing, whoever owns it.

    Raises:
        NotFound: it is gone.
    """
    upload = find_linked(stores, upload_id)
    return Recording(b"".join(stream(stores, upload)), upload.mimetype)


def durations(stores: Stores, upload_ids: Sequence[str]) -> dict[str, float]:
    """Seconds of each recording there is; no matter whose. One round trip, and one to MongoDB for those long claimed.

    Raises:
        PyMongoError: MongoDB is needed for one and is away.
    """
    with stores.redis.pipeline(transaction=False) as pipe:
        for upload_id in upload_ids:
            pipe.hget(keys.upload_key(upload_id), "duration")
        known = dict(zip(upload_ids, pipe.execute(), strict=True))
    found = {upload_id: float(seconds) for upload_id, seconds in known.items() if seconds is not None}
    if missing := [upload_id for upload_id in known if upload_id not in found]:
        wanted = stores.mongo[chunks.FILES].find({"_id": {"$in": missing}}, {"metadata.duration": 1})
        found |= {document["_id"]: document["metadata"]["duration"] for document in wanted}
    return found


def record_claims(stores: Stores, claims: Sequence[Claim]) -> None:
    """Copies claims from Redis to GridFS. Safe to repeat; the first message to claim a recording keeps it.

    Raises:
        PyMongoError: MongoDB is away; call again.
    """
    if not claims:
        return
    writes = [
        UpdateOne(
            {"_id": claim.upload_id, "metadata.messageId": {"$exists": False}},
            {"$set": {"metadata.messageId": claim.message_id, "metadata.conversation": claim.conversation}},
        )
        for claim in claims
    ]
    stores.mongo[chunks.FILES].bulk_write(writes, ordered=False)
    # Keep the hash for a while, so that a request that read GridFS earlier cannot restore the upload as unclaimed.
    with stores.redis.pipeline(transaction=False) as pipe:
        for claim in claims:
            pipe.expire(keys.upload_key(claim.upload_id), stores.settings.upload_ttl + CLAIM_KEPT_SECONDS)
        pipe.execute()


def restore_upload(stores: Stores, upload_id: str, owner_id: str) -> bool:
    """Restores an upload that Redis lost, if this person may still claim it. Returns whether Redis has it now."""
    try:
        document = _document(stores, upload_id)
    except (NotFound, PyMongoError):
        return False
    left = int(stores.settings.upload_ttl - _age(document))
    if document["metadata"]["owner"] != owner_id or "messageId" in document["metadata"] or left <= 0:
        return False
    fields = [part for pair in _hash(_upload(document)).items() for part in pair]
    stores.scripts.restore_upload(keys=[keys.upload_key(upload_id)], args=[left, *fields])
    return True


def sent_recording(stores: Stores, upload_id: str, owner_id: str, conversation: str) -> str | None:
    """The message of a conversation with a recording that travelled while it was made, if Redis has forgotten it.

    None if there is none, or MongoDB is away.
    """
    try:
        metadata = _document(stores, upload_id)["metadata"]
    except (NotFound, PyMongoError):
        return None
    is_it = "travelled" in metadata and metadata["owner"] == owner_id and metadata.get("conversation") == conversation
    return str(metadata["messageId"]) if is_it else None


def too_large(stores: Stores) -> TooLarge:
    """The refusal of an upload or a recording that has too many bytes, before or while it is read."""
    return TooLarge("upload_too_large", megabytes=float(f"{stores.settings.upload_max_bytes / 2**20:.3g}"))


def is_upload_id(text: str) -> bool:
    """Whether the text is a UUID in canonical form."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _write(
    stores: Stores, owner_id: str, upload_id: str, recording: NewRecording, *, travelled: bool = False
) -> Upload:
    recording.file.seek(0)
    length = chunks.write(stores.mongo, upload_id, recording.file)
    prepared = recording.prepared
    name = clean_name(recording.given_name, prepared.mimetype)
    upload = Upload(
        upload_id,
        owner_id,
        name,
        prepared.mimetype,
        prepared.duration,
        prepared.peaks,
        length,
        chunks.CHUNK_BYTES,
    )
    stores.mongo[chunks.FILES].insert_one(
        {
            "_id": upload_id,
            "length": length,
            "chunkSize": upload.chunk_bytes,
            "uploadDate": datetime.now(UTC),
            "filename": name,
            "metadata": {**_hash(upload), **({"travelled": True} if travelled else {})},
        }
    )
    return upload


def _hash(upload: Upload) -> dict[str, str | float | bytes]:
    """An upload as in GridFS's metadata and in Redis, with one byte per peak."""
    return {
        "owner": upload.owner,
        "name": upload.name,
        "mimetype": upload.mimetype,
        "duration": upload.duration,
        "peaks": bytes(upload.peaks),
    }


def _claim(stores: Stores, upload_id: str) -> tuple[str | None, str | None, str | None]:
    """The owner, the claim and the receiver according to Redis."""
    found = stores.redis.hmget(keys.upload_key(upload_id), "owner", "message", "receiver")
    owner, claim, receiver = (None if value is None else value.decode() for value in found)
    return owner, claim, receiver


def _document(stores: Stores, upload_id: str) -> Document:
    document = stores.mongo[chunks.FILES].find_one({"_id": upload_id}) if is_upload_id(upload_id) else None
    if document is None:
        raise _no_such_file()
    return document


def _upload(document: Document) -> Upload:
    metadata = document["metadata"]
    return Upload(
        document["_id"],
        metadata["owner"],
        metadata["name"],
        metadata["mimetype"],
        metadata["duration"],
        list(metadata.get("peaks", b"")),
        document["length"],
        document["chunkSize"],
    )


def _age(document: Document) -> float:
    """Seconds since the recording was uploaded."""
    age: timedelta = datetime.now(UTC) - document["uploadDate"]
    return age.total_seconds()


def _now() -> int:
    return int(time.time())


def _no_such_file() -> NotFound:
    return NotFound("no_such_file")
