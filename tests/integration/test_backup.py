"""A backup has the whole archive, and is restored whole or says why not, whatever is interrupted or damaged."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chat.messages import conversations
from chat.store import archive
from chat.store.connection import Document, Stores
from chat.upkeep import backup, erasure, sync
from tests.people import drain, send, send_voice, someone

DERIVED = ("conversations", "marks")


def everything(stores: Stores) -> dict[str, list[Document]]:
    names = sorted(set(stores.mongo.list_collection_names()) - {"marks"})
    found = {name: list(stores.mongo[name].find().sort("_id")) for name in names}
    return {name: documents for name, documents in found.items() if documents}


def lose_archive(stores: Stores) -> None:
    for name in stores.mongo.list_collection_names():
        stores.mongo.drop_collection(name)


@pytest.fixture(autouse=True)
def _indexes(stores: Stores) -> Iterator[None]:
    """Makes those again that went with the archive."""
    yield
    archive.migrate(stores.mongo)


def ignore(number: int) -> None:
    """No progress to show."""


@pytest.fixture
def talked(stores: Stores, pair: tuple[str, str]) -> tuple[str, str]:
    """Anna and Bert, after a talk of more messages than are inserted at a time, and a recording."""
    for n in range(backup.BATCH_DOCUMENTS + 20):
        send(stores, *pair, f"{n}")
    last = send_voice(stores, *pair)["_id"]
    drain(stores)
    conversations.mark_read(stores, pair[1], pair[0], last)
    while sync.run(stores):
        pass
    return pair


def saved(stores: Stores, path: Path) -> backup.Manifest:
    with path.open("wb") as file:
        return backup.save(stores, file, ignore)


def test_a_backup_restores_each_document_as_it_was(stores: Stores, talked: tuple[str, str], tmp_path: Path) -> None:
    path, done = tmp_path / "backup", []
    before = everything(stores)
    manifest = saved(stores, path)
    assert (manifest.messages, manifest.people, manifest.recordings) == (backup.BATCH_DOCUMENTS + 21, 2, 1)
    lose_archive(stores)
    assert backup.check(path, ignore) == manifest
    backup.restore(stores, path, manifest, replace=False, on_progress=done.append)
    assert everything(stores) == before
    assert sum(done) == sum(len(before.get(name, ())) for name in backup.COLLECTIONS)


def test_a_restore_that_was_killed_goes_on_with_the_same_file(
    stores: Stores, talked: tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "backup"
    before, manifest = everything(stores), saved(stores, path)
    someone(stores, "carl")  # who came later, and goes with the rest

    def killed(number: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup.restore(stores, path, manifest, replace=True, on_progress=killed)
    assert sync.run_round(stores) == sync.RESTORING
    backup.restore(stores, path, manifest, replace=False, on_progress=ignore)
    assert everything(stores) == before


def test_an_archive_that_is_not_empty_is_left_as_it_is_unless_told(
    stores: Stores, talked: tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "backup"
    manifest = saved(stores, path)
    before = everything(stores)
    with pytest.raises(backup.BackupError, match="not empty"):
        backup.restore(stores, path, manifest, replace=False, on_progress=ignore)
    assert everything(stores) == before
    assert not stores.mongo.marks.count_documents({"_id": "restore"})


@pytest.mark.parametrize("damage", ["cut", "changed", "of another program", "of a later version"])
def test_a_file_that_is_not_whole_is_refused(
    stores: Stores, pair: tuple[str, str], tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "backup"
    saved(stores, path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        whole = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
        members = {name: whole.read(name) for name in whole.namelist()}
        if damage == "changed":
            members["users.bson"] = members["users.bson"].replace(b"anna@", b"eve!@")
        elif damage == "of a later version":
            members["manifest.json"] = members["manifest.json"].replace(b'"format": 1', b'"format": 2')
        else:
            members = {"letter.txt": b"Dear Ada"}
        with zipfile.ZipFile(path, "w") as changed:
            for name, content in members.items():
                changed.writestr(name, content)
    with pytest.raises(backup.BackupError):
        backup.check(path, ignore)


def test_an_account_deleted_while_the_backup_is_made_is_erased_on_restoring(
    stores: Stores, talked: tuple[str, str], tmp_path: Path
) -> None:
    path, anna = tmp_path / "backup", talked[0]
    began: list[datetime] = []

    def delete(number: int) -> None:
        if not began:  # the first message is written already
            began.append(datetime.now(UTC))
            erasure.begin(stores, anna)
            erasure.erase(stores, anna, 60)

    with path.open("wb") as file:
        manifest = backup.save(stores, file, delete)
    lose_archive(stores)
    stores.redis.flushdb()
    backup.restore(stores, path, manifest, replace=False, on_progress=ignore)
    while sync.run(stores):
        pass
    erasure.run(stores)
    said = {each["text"] for each in stores.mongo.messages.find({"senderId": anna})}
    assert said == {""}
    assert not stores.mongo["audio.chunks"].count_documents({})
