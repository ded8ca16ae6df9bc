"""Deletes accounts, and erases what they leave behind: the text of their messages, their recordings and their lists.

One MongoDB transaction removes the account and adds an entry to `erasures`, so that no erasure is forgotten, whatever
is killed or lost. A pass goes through all messages the person sent, newest first, page by page; the entry records its
progress, and every step may run twice. The first pass begins at once. The final pass begins a minute later, when
nothing of theirs can still be on its way: it finds what was in the accepted log, or in a request, at the deletion.
"""

import time
from datetime import UTC, datetime

import structlog
from pymongo import DESCENDING
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError, PyMongoError
from redis import RedisError

from chat import audio, ids
from chat.errors import NotFound
from chat.messages import delivery, editing, storing
from chat.messages import log as accepted_log
from chat.people import accounts, presence, sessions
from chat.people.passwords import Passwords
from chat.push import subscriptions
from chat.store import archive, hot, keys, partitions
from chat.store.connection import Document, Stores
from chat.store.locks import try_lock
from chat.upkeep.runs import Progress, ignore
from chat.voice import recordings
from chat.wire import StoredMessage

log = structlog.get_logger(__name__)

PAGE = 100
SETTLE_SECONDS = 60  # longer than any request that began before its session ended
POSTPONE_SECONDS = 15
REQUEST_SECONDS = 5.0  # how long the HTTP request itself erases; the rest follows in the background
ROUND_SECONDS = 10.0  # bounds how long a stopping worker has to wait for a round
LOCK_SECONDS = 60.0
LOADED_SECONDS = 60  # how long an old message is loaded into Redis, so that it is changed there like any other
FLUSH_PAGES = 10


def begin(stores: Stores, user_id: str) -> None:
    """Removes an account and records that its data is to be erased, all or nothing.

    Raises:
        NotFound: there is no such account, or no longer.
    """
    now = ids.now_ms()

    def remove(session: ClientSession) -> None:
        user = stores.mongo.users.find_one_and_delete({"_id": user_id}, session=session)
        if user is None:
            raise NotFound("no_such_person")
        stores.mongo.security.delete_one({"_id": user_id}, session=session)
        entry = {
            "_id": user_id,
            "username": user["username"],
            "due": ids.timestamp(now),
            "settles": ids.timestamp(now + SETTLE_SECONDS * 1_000),
        }
        stores.mongo.erasures.insert_one(entry, session=session)
        stores.mongo.erased.replace_one({"_id": user_id}, {"at": datetime.now(UTC)}, upsert=True, session=session)

    try:
        with stores.mongo.client.start_session() as session:
            session.with_transaction(remove)
    except DuplicateKeyError:  # the account was deleted before, and Redis or a backup brought it back
        raise NotFound("no_such_person") from None


def begin_again(stores: Stores, user_id: str) -> None:
    """Erases an account that was deleted before, and that a restored copy of a store has brought back."""
    now = ids.now_ms()

    def remove(session: ClientSession) -> None:
        user = stores.mongo.users.find_one_and_delete({"_id": user_id}, session=session) or {}
        stores.mongo.security.delete_one({"_id": user_id}, session=session)
        entry = {
            "username": user.get("username", ""),
            "due": ids.timestamp(now),
            "settles": ids.timestamp(now + SETTLE_SECONDS * 1_000),
        }
        stores.mongo.erasures.replace_one({"_id": user_id}, entry, upsert=True, session=session)

    with stores.mongo.client.start_session() as session:
        session.with_transaction(remove)
    log.warning("erasure.again", user_id=user_id)


def leave(stores: Stores, passwords: Passwords, user_id: str, password: str) -> None:
    """Deletes a person's own account: ends their sessions, hides the account, and erases its data now or in minutes.

    Raises:
        Forbidden: the password is wrong.
        NotFound: the account was deleted in the meantime.
    """
    accounts.check_password(stores, passwords, user_id, password)
    begin(stores, user_id)
    erase(stores, user_id, REQUEST_SECONDS)


def expected(stores: Stores, user_id: str) -> int:
    """How many messages an erasure has to go through. Raises PyMongoError."""
    return stores.mongo.messages.count_documents({"senderId": user_id})


def erase(stores: Stores, user_id: str, seconds: float, on_progress: Progress = ignore) -> None:
    """Erases as much as it can in so many seconds. `run` does the rest, even if a store is away now."""
    try:
        _proceed(stores, user_id, time.monotonic() + seconds, on_progress)
    except (PyMongoError, RedisError) as error:
        log.warning("erasure.later", user_id=user_id, error=type(error).__name__)


def run(stores: Stores) -> bool:
    """Runs one round over the erasures that are due.

    Returns whether there is more to do right away; False also while MongoDB is away.
    """
    until = time.monotonic() + ROUND_SECONDS
    try:
        for entry in stores.mongo.erasures.find({"due": {"$lte": ids.now()}}, {"_id": 1}).sort("due"):
            if not _proceed(stores, entry["_id"], until):
                return True
    except PyMongoError as error:
        log.warning("erasure.archive_away", error=type(error).__name__)
    return False


def _proceed(stores: Stores, user_id: str, until: float, on_progress: Progress = ignore) -> bool:
    """Continues one erasure. Returns False if time ran out before its pass was done."""
    with try_lock(stores.redis, f"erasure:{user_id}", LOCK_SECONDS) as acquired:
        entry = stores.mongo.erasures.find_one({"_id": user_id, "due": {"$lte": ids.now()}}) if acquired else None
        if entry is None:
            return True
        if "at" not in entry and not _start(stores, entry):
            _update_entry(stores, user_id, due=ids.timestamp(ids.now_ms() + POSTPONE_SECONDS * 1_000))
            return True
        if not _erase_messages(stores, entry, until, on_progress) or not _erase_recordings(stores, user_id, until):
            return False
        _forget_lists(stores, user_id)
        _end(stores, entry)
        return True


def _start(stores: Stores, entry: Document) -> bool:
    """Begins a pass. Returns False if it would be the final one and something of theirs is still on its way."""
    user_id = entry["_id"]
    sessions.end_all(stores, user_id)
    _forget_account(stores, user_id, entry["username"])
    settled = bool(entry["settles"] <= ids.now())
    if settled and accepted_log.has_older_than(stores, entry["settles"]):
        return False
    storing.flush(stores, FLUSH_PAGES)
    if settled and storing.may_wait_for_archive(stores, user_id):
        return False
    entry |= {"at": "", "last": settled}
    _update_entry(stores, user_id, at="", last=settled)
    return True


def _end(stores: Stores, entry: Document) -> None:
    if entry["last"]:
        stores.mongo.erasures.delete_one({"_id": entry["_id"]})
        log.info("erasure.done", user_id=entry["_id"])
    else:
        done = {"$set": {"due": entry["settles"]}, "$unset": {"at": "", "last": ""}}
        stores.mongo.erasures.update_one({"_id": entry["_id"]}, done)


def _erase_messages(stores: Stores, entry: Document, until: float, on_progress: Progress) -> bool:
    user_id, at = entry["_id"], entry["at"]
    while True:
        older = {"_id": {"$lt": at}} if at else {}
        found = stores.mongo.messages.find({"senderId": user_id, **older}).sort("_id", DESCENDING).limit(PAGE)
        page = [archive.load_message(document) for document in found]
        if not page:
            return True
        if _erase_page(stores, user_id, page):
            at = page[-1]["_id"]
            _update_entry(stores, user_id, at=at)
            on_progress(len(page))
        if time.monotonic() > until:
            return False


def _erase_page(stores: Stores, user_id: str, page: list[StoredMessage]) -> bool:
    """Replaces messages with tombstones in both stores. Returns False if one changed meanwhile: repeat the page."""
    standing = {archived["_id"]: archived for archived in page if not archived.get("deletedAt")}
    storing.load_all_for_change(stores, list(standing.values()), LOADED_SECONDS)
    found = hot.read_again(stores, page)
    alive = [message for message in found if message is not None and not message.get("deletedAt")]
    editing.bury(stores, alive)
    with stores.redis.pipeline(transaction=False) as pipe:
        for archived in page:
            if client_id := archived.get("clientId"):
                pipe.delete(keys.client_key(partitions.of(stores, archived), user_id, client_id))
                pipe.delete(keys.home_key(user_id, client_id))
            if recording := archived.get("audioFileId"):
                pipe.delete(keys.charged_key(user_id, recording))
        pipe.execute()
    wanted = {**standing, **{message["_id"]: message for message in alive}}
    now = hot.read_again(stores, wanted.values())
    buried = [message for message in now if message is not None and message.get("deletedAt")]
    storing.drop_unread(stores, buried)  # also of those over which we were killed before
    # Deliver before archiving: if we are killed in between, the page is repeated and delivered again.
    delivery.deliver(stores, [editing.deleted_frame(message) for message in buried])
    stored, _ = storing.store_archive(stores, buried)
    storing.confirm(stores, stored)
    return len(buried) == len(wanted)


def _erase_recordings(stores: Stores, user_id: str, until: float) -> bool:
    """Erases their remaining recordings: unfinished ones, those of messages, and uploads that no message claimed."""
    recordings.forget_owner(stores, user_id)
    while audio.delete_owned(stores, user_id):
        if time.monotonic() > until:
            return False
    return True


def _forget_account(stores: Stores, user_id: str, username: str) -> None:
    """Removes the account from Redis. Every pass does so, since a request that read the archive may put it back."""
    found = hot.read_json(stores.redis, [keys.user_key(user_id)])[0]
    names = {username, found["username"]} if found else {username}
    with stores.redis.pipeline() as pipe:
        pipe.delete(keys.user_key(user_id))
        pipe.zrem(keys.NAMES, *[keys.name_member(name, user_id) for name in names])
        pipe.zadd(keys.ERASED, {user_id: ids.now_ms() // 1_000}, nx=True)
        pipe.zremrangebyscore(keys.ERASED, 0, ids.now_ms() // 1_000 - archive.ERASED_SECONDS)
        pipe.execute()
    presence.forget(stores, user_id)


def _forget_lists(stores: Stores, user_id: str) -> None:
    """Removes their conversations, unread messages, read cursors, deliveries and subscriptions."""
    archived = {cursor["conversation"] for cursor in stores.mongo.cursors.find({"reader": user_id})}
    partners = [raw.decode() for raw in stores.redis.zrange(keys.conversations_key(user_id), 0, -1)]
    conversations = archived | {ids.conversation_id(user_id, partner) for partner in partners}
    # Each pass repeats all of it; the lists that tell whose it is go last.
    with stores.redis.pipeline(transaction=False) as pipe:
        for conversation in conversations:
            partition = partitions.of_conversation(stores, conversation)
            pipe.hdel(keys.cursors_key(partition, conversation), user_id)
            pipe.hdel(keys.cursors_outbox_key(partition), ids.cursor_id(conversation, user_id))
        for partner in partners:
            pipe.delete(keys.inbox_key(user_id, partner), keys.paging_key(user_id, partner))
        pipe.delete(keys.read_key(user_id), keys.unwanted_key(user_id), keys.deliveries_key(user_id))
        pipe.delete(keys.conversations_key(user_id))
        pipe.execute()
    subscriptions.forget(stores, user_id)
    accepted_log.forget_refused(stores, user_id)
    stores.mongo.cursors.delete_many({"reader": user_id})


def _update_entry(stores: Stores, user_id: str, **fields: str | bool) -> None:
    stores.mongo.erasures.update_one({"_id": user_id}, {"$set": fields})
