"""Saves the archive into one file, and restores it from there, with no tool but this program.

The file is a zip archive with a member for each collection, in the format of `mongodump`: one BSON document after the
other. The last member, `manifest.json`, has their numbers and SHA-256, so a file that is not whole is noticed before
anything is written. Everything is streamed.

Saving needs no pause. First come the messages, then the recordings, chunk by chunk, each whole or not at all; then, in
one snapshot, accounts, credentials, ended sessions, subscriptions, read marks and deletions. So whoever wrote a message
in the file is in it too, or among those who deleted their account meanwhile; these are erased again on restoring. What
can be computed from the rest is not saved: the list of conversations, and the indexes.

Restoring may be interrupted: it goes on when called again with the same file. Until it is done the sync does nothing.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from bson import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError
from ulid import ULID

from chat import ids
from chat.audio import chunks
from chat.store import archive
from chat.store.connection import Stores
from chat.upkeep import comparing, erasure
from chat.upkeep.runs import Progress
from config.version import VERSION

FORMAT = 1
MANIFEST = "manifest.json"
TOGETHER = ("users", "security", "sessions", "push", "cursors", "erasures", "erased")  # in one snapshot
COLLECTIONS = ("messages", chunks.CHUNKS, chunks.FILES, *TOGETHER)
BATCH_DOCUMENTS, BATCH_BYTES = 500, 8 * 2**20
LENGTH_BYTES = 4  # at the beginning of each BSON document
MAX_DOCUMENT = 16 * 2**20 + 16 * 2**10
SPOOLED = 2**22
READ_BYTES = 2**20
DUPLICATE_KEY = 11000
EMPTYING = " is emptied first"

_RAW = CodecOptions(document_class=RawBSONDocument)


class BackupError(Exception):
    """The file cannot be used, or must not be restored here; the text says why."""


@dataclass(frozen=True, slots=True)
class Member:
    """A collection in the file."""

    documents: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the file has. `began` is the time (RFC 3339) up to which it has everything."""

    id: str
    began: str
    version: str = VERSION
    format: int = FORMAT
    collections: dict[str, Member] = field(default_factory=dict)
    cut_off: list[str] = field(default_factory=list)  # recordings that were deleted while they were saved

    @property
    def messages(self) -> int:
        return self.collections["messages"].documents

    @property
    def people(self) -> int:
        return self.collections["users"].documents

    @property
    def recordings(self) -> int:
        return self.collections[chunks.FILES].documents


def expected(stores: Stores) -> int:
    """About how many documents `save` will write. Raises PyMongoError."""
    return sum(stores.mongo[name].estimated_document_count() for name in COLLECTIONS)


def save(stores: Stores, file: IO[bytes], on_progress: Progress) -> Manifest:
    """Writes the archive into a file, which need not be seekable. `on_progress` is told documents.

    Raises:
        PyMongoError: MongoDB is away.
    """
    manifest = Manifest(str(ULID()), ids.now())
    with ZipFile(file, "w", ZIP_DEFLATED) as zipped, tempfile.SpooledTemporaryFile(max_size=SPOOLED) as spool:

        def write(name: str, documents: Iterable[bytes]) -> None:
            manifest.collections[name] = _write(zipped, name, documents, on_progress)

        write("messages", _raw(stores, "messages"))
        write(chunks.CHUNKS, _recordings(stores, spool, manifest.cut_off))
        spool.seek(0)
        write(chunks.FILES, _documents(spool))
        with stores.mongo.client.start_session(snapshot=True) as session:
            for name in TOGETHER:
                write(name, _raw(stores, name, session=session))
        text = json.dumps({**_fields(manifest), "ended": ids.now()}, indent=1)
        zipped.writestr(MANIFEST, text + "\n")
    return manifest


def size(path: Path) -> int:
    """The bytes that `check` will read, as far as the file tells."""
    try:
        with ZipFile(path) as zipped:
            return sum(member.file_size for member in zipped.infolist())
    except BadZipFile:
        return 0


def check(path: Path, on_progress: Progress) -> Manifest:
    """Reads the whole file; `on_progress` is told bytes. Returns what it has.

    Raises:
        BackupError: it is no backup, not whole, damaged, or of a later version.
    """
    try:
        with ZipFile(path) as zipped:
            manifest = _manifest(zipped)
            for name, member in manifest.collections.items():
                if _digest(zipped, name, on_progress) != member.sha256:
                    raise BackupError(f"{path} is damaged: {name} is not what was saved.")
    except (BadZipFile, KeyError, ValueError, TypeError, EOFError) as error:
        raise BackupError(f"{path} is no backup of Chattergram, or is not whole ({error}).") from None
    return manifest


def restore(stores: Stores, path: Path, manifest: Manifest, replace: bool, on_progress: Progress) -> None:
    """Restores a file that `check` has read; with `replace` in the place of what the archive has.

    `on_progress` is told documents.

    Raises:
        BackupError: the archive is not empty, and `replace` is not set.
        PyMongoError: MongoDB is away; call again.
    """
    _prepare_archive(stores, manifest, replace)
    with ZipFile(path) as zipped:
        for name in manifest.collections:
            with zipped.open(_member(name)) as opened:
                for batch in _batches(_documents(opened)):
                    _insert(stores, name, batch)
                    on_progress(len(batch))
    stores.mongo[chunks.CHUNKS].delete_many({"files_id": {"$in": manifest.cut_off}})
    _list_conversations(stores)
    _erase_deleted_meanwhile(stores, manifest)
    ended = {"_id": {"$in": [comparing.SYNC_MARK, comparing.RESTORE_MARK]}}
    stores.mongo.marks.delete_many(ended)  # without its mark, the sync compares both stores


def _raw(stores: Stores, name: str, query: Any = None, **options: Any) -> Iterator[bytes]:
    collection = stores.mongo.get_collection(name, codec_options=_RAW)
    for document in collection.find(query or {}, **options):
        yield bytes(cast("RawBSONDocument", document).raw)


def _recordings(stores: Stores, spool: Any, cut_off: list[str]) -> Iterator[bytes]:
    """Yields the chunks of each recording; writes the entry of each whole one to `spool`, notes the others' ids."""
    for raw_entry in _raw(stores, chunks.FILES):
        entry, length = RawBSONDocument(raw_entry), 0
        for raw in _raw(stores, chunks.CHUNKS, {"files_id": entry["_id"]}, sort=[("n", 1)]):
            length += len(RawBSONDocument(raw)["data"])
            yield raw
        if length == entry["length"]:  # unless it was deleted just now
            spool.write(raw_entry)
        elif length:
            cut_off.append(entry["_id"])


def _write(zipped: ZipFile, name: str, documents: Iterable[bytes], on_progress: Progress) -> Member:
    digest, number, length = hashlib.sha256(), 0, 0
    with zipped.open(_info(name), "w", force_zip64=True) as opened:
        for raw in documents:
            opened.write(raw)
            digest.update(raw)
            number, length = number + 1, length + len(raw)
            on_progress(1)
    return Member(number, length, digest.hexdigest())


def _member(name: str) -> str:
    return f"{name}.bson"


def _info(name: str) -> ZipInfo:
    entry = ZipInfo(_member(name), datetime.now(UTC).timetuple()[:6])
    entry.compress_type = ZIP_STORED if name == chunks.CHUNKS else ZIP_DEFLATED  # audio is compressed already
    return entry


def _fields(manifest: Manifest) -> dict[str, Any]:
    members = {
        name: {"documents": each.documents, "bytes": each.bytes, "sha256": each.sha256}
        for name, each in manifest.collections.items()
    }
    own = {"format": manifest.format, "version": manifest.version, "id": manifest.id, "began": manifest.began}
    return {**own, "collections": members, "cut_off": manifest.cut_off}


def _manifest(zipped: ZipFile) -> Manifest:
    fields = json.loads(zipped.read(MANIFEST))
    if fields["format"] > FORMAT:
        raise BackupError(f"This backup was made by version {fields['version']}; restore it with that or a later one.")
    members = {name: Member(**each) for name, each in fields["collections"].items() if name in COLLECTIONS}
    if set(members) != set(COLLECTIONS):
        raise ValueError("collections are missing")
    return Manifest(fields["id"], fields["began"], fields["version"], fields["format"], members, fields["cut_off"])


def _digest(zipped: ZipFile, name: str, on_progress: Progress) -> str:
    digest = hashlib.sha256()
    with zipped.open(_member(name)) as opened:
        while piece := opened.read(READ_BYTES):
            digest.update(piece)
            on_progress(len(piece))
    return digest.hexdigest()


def _documents(file: IO[bytes]) -> Iterator[bytes]:
    """Splits what `mongodump` would have written. Raises BackupError where it is none."""
    while prefix := file.read(LENGTH_BYTES):
        length = int.from_bytes(prefix, "little")
        if not LENGTH_BYTES < length <= MAX_DOCUMENT:
            raise BackupError("The backup has something that is no document.")
        rest = file.read(length - LENGTH_BYTES)
        if len(rest) < length - LENGTH_BYTES:
            raise BackupError("The backup ends within a document.")
        yield prefix + rest


def _batches(documents: Iterator[bytes]) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    length = 0
    for raw in documents:
        batch.append(RawBSONDocument(raw))
        length += len(raw)
        if len(batch) == BATCH_DOCUMENTS or length > BATCH_BYTES:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def _insert(stores: Stores, name: str, batch: list[RawBSONDocument]) -> None:
    """Inserts documents; those that an interrupted restore has inserted before stay as they are."""
    collection = stores.mongo.get_collection(name, codec_options=_RAW)
    try:
        collection.insert_many(cast("list[Any]", batch), ordered=False)
    except BulkWriteError as error:
        again = all(
            problem["code"] == DUPLICATE_KEY and "_id" in problem.get("keyPattern", {})
            for problem in error.details["writeErrors"]
        )
        if error.details["writeConcernErrors"] or not again:
            raise


def _prepare_archive(stores: Stores, manifest: Manifest, replace: bool) -> None:
    mongo = stores.mongo
    marked = (mongo.marks.find_one({"_id": comparing.RESTORE_MARK}) or {}).get("mark", "")
    goes_on = marked == manifest.id
    empty = not any(mongo[name].find_one({}, {"_id": 1}) for name in COLLECTIONS)
    if not goes_on and not empty:
        if not (replace or marked == manifest.id + EMPTYING):
            raise BackupError(
                "This MongoDB is not empty. With --replace the backup takes the place of everything in it."
            )
        _mark(stores, manifest.id + EMPTYING)
        for name in (*COLLECTIONS, "conversations"):
            mongo.drop_collection(name)
    _mark(stores, manifest.id)
    archive.migrate(mongo)


def _mark(stores: Stores, text: str) -> None:
    stores.mongo.marks.update_one({"_id": comparing.RESTORE_MARK}, {"$set": {"mark": text}}, upsert=True)


def _list_conversations(stores: Stores) -> None:
    newest = {"$group": {"_id": "$conversation", "last": {"$max": "$_id"}}}
    with suppress(StopIteration):
        stores.mongo.messages.aggregate([newest, {"$merge": {"into": "conversations"}}], allowDiskUse=True).next()


def _erase_deleted_meanwhile(stores: Stores, manifest: Manifest) -> None:
    """Erases those who deleted their account while the backup was made: it has their messages as they were before."""
    began = datetime.fromisoformat(manifest.began).astimezone(UTC)
    for each in stores.mongo.erased.find({"at": {"$gte": began}}, {"_id": 1}):
        erasure.begin_again(stores, each["_id"])
