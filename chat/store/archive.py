"""The archive in MongoDB: mongoengine documents for everything we keep, and GridFS for audio.

The unique indexes here guarantee one account per name and per email, one message per `_id`, and one message per
sender's `clientId` in a conversation. These documents define shapes, collections and indexes; hot paths read raw
documents through `Stores.mongo`. Timestamps are RFC 3339 text in UTC with milliseconds, as on the wire.
"""

from contextlib import suppress
from typing import Any, cast

from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    FloatField,
    IntField,
    ListField,
    StringField,
)
from pymongo import ASCENDING, UpdateOne
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from chat import ids, wire
from chat.text import looks
from chat.wire import StoredMessage

# Recordings. Metadata: owner, name, mimetype, duration (s), peaks (one byte each), and, once claimed, messageId and
# conversation.
AUDIO_BUCKET = "audio"


class User(Document):
    """A person's public profile, their email and whom they have muted.

    `emailKey` and `usernameKey` are for comparing without case. `looks` has what the name looks like; see
    `chat.text.looks`. Nobody else may have any of it.
    """

    id = StringField(primary_key=True, db_field="_id")
    email = StringField(required=True)
    emailKey = StringField(required=True)
    username = StringField(required=True)
    usernameKey = StringField(required=True)
    looks = ListField(StringField())
    looksVersion = IntField()
    bio = StringField(default="")
    createdAt = StringField(required=True)
    lastSeen = StringField()
    muted = ListField(StringField())
    revision = IntField(default=1)

    meta = {
        "collection": "users",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["emailKey"], "unique": True},
            {"fields": ["usernameKey"], "unique": True},
            {"fields": ["looks"], "unique": True, "partialFilterExpression": {"looks": {"$exists": True}}},
            {"fields": ["looksVersion"]},
        ],
    }


class Security(Document):
    """A person's credentials; separate from `User`, so that no list of users can ever include them."""

    id = StringField(primary_key=True, db_field="_id")
    passwordHash = StringField(required=True)

    meta = {"collection": "security", "auto_create_index": False}


class Message(Document):
    """One message, with the wire's field names.

    `conversation` is made of both people's ids and is the shard key: on a sharded cluster every unique index must begin
    with it and every upsert must name it.
    """

    id = StringField(primary_key=True, db_field="_id")
    conversation = StringField(required=True)
    senderId = StringField(required=True)
    receiverId = StringField(required=True)
    dateSent = StringField(required=True)
    text = StringField(default="")
    audioFileId = StringField()
    status = StringField(required=True)
    clientId = StringField()
    duration = FloatField()
    peaks = ListField(IntField())
    confidence = FloatField()
    language = StringField()
    words = ListField(DictField())
    editedAt = StringField()
    deletedAt = StringField()
    ownText = BooleanField()
    revision = IntField(default=1)

    meta = {
        "collection": "messages",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["conversation", "_id"]},
            {"fields": ["senderId", "_id"]},
            {
                "fields": ["conversation", "senderId", "clientId"],
                "unique": True,
                "partialFilterExpression": {"clientId": {"$type": "string"}},
            },
        ],
    }


class Conversation(Document):
    """A conversation of two people and the `_id` of its last message, however old."""

    id = StringField(primary_key=True, db_field="_id")
    last = StringField(required=True)

    meta = {"collection": "conversations", "auto_create_index": False}


class Cursor(Document):
    """How far a person has read a conversation: `_id` is `<conversation>#<reader>`."""

    id = StringField(primary_key=True, db_field="_id")
    conversation = StringField(required=True)
    reader = StringField(required=True)
    upTo = StringField(required=True)

    meta = {
        "collection": "cursors",
        "auto_create_index": False,
        "indexes": [{"fields": ["conversation"]}, {"fields": ["reader"]}],
    }


class EndedSession(Document):
    """A session ended by `chat.people.sessions`: key and value as in Redis, until its tokens have expired."""

    id = StringField(primary_key=True, db_field="_id")
    value = StringField(required=True)
    until = DateTimeField(required=True)

    meta = {
        "collection": "sessions",
        "auto_create_index": False,
        "indexes": [{"fields": ["until"], "expireAfterSeconds": 0}],
    }


class PushProfile(Document):
    """A person's subscriptions to Web Push, one a session, oldest first; see `chat.push.subscriptions`.

    Each has `tokenId`, `issued` (ms) and `expires` (s, Unix time) of its session, and `endpoint`, `p256dh`, `auth`.
    """

    id = StringField(primary_key=True, db_field="_id")
    showsText = BooleanField()
    subscriptions = ListField(DictField())

    meta = {
        "collection": "push",
        "auto_create_index": False,
        "indexes": [{"fields": ["subscriptions.endpoint"]}],
    }


class Erasure(Document):
    """A deleted account whose data is still being erased; see `chat.upkeep.erasure`.

    `due` is when to continue; `settles` is the earliest time for the final pass. During a pass, `at` is the last
    message it has handled ('' for none) and `last` says whether it is the final pass.
    """

    id = StringField(primary_key=True, db_field="_id")
    username = StringField(required=True)
    due = StringField(required=True)
    settles = StringField(required=True)
    at = StringField()
    last = BooleanField()

    meta = {"collection": "erasures", "auto_create_index": False, "indexes": [{"fields": ["due"]}]}


ERASED_SECONDS = 400 * 86_400  # longer than anybody should keep a backup


class Erased(Document):
    """That an account was deleted, for as long as a backup from before might be restored: an id and a time, no more."""

    id = StringField(primary_key=True, db_field="_id")
    at = DateTimeField(required=True)

    meta = {
        "collection": "erased",
        "auto_create_index": False,
        "indexes": [{"fields": ["at"], "expireAfterSeconds": ERASED_SECONDS}],
    }


class Mark(Document):
    """What this archive knows of itself, and no copy of it: the sync's last mark, and a backup being restored."""

    id = StringField(primary_key=True, db_field="_id")
    mark = StringField(required=True)

    meta = {"collection": "marks", "auto_create_index": False}


DOCUMENTS = (User, Security, Message, Conversation, Cursor, EndedSession, PushProfile, Erasure, Erased, Mark)


def dump_message(message: StoredMessage) -> dict[str, Any]:
    """A message as a document of `Message`."""
    document = {name: value for name, value in message.items() if value is not None}
    document["conversation"] = ids.conversation_id(message["senderId"], message["receiverId"])
    return document


def load_message(document: dict[str, Any]) -> StoredMessage:
    """A document of `Message` as a message."""
    message = {name: value for name, value in document.items() if name != "conversation"}
    message.setdefault("audioFileId", None)
    return cast("StoredMessage", message)


def upsert_message(message: StoredMessage) -> UpdateOne:
    """The operation that writes a message unless the archive has a newer revision of it."""
    # If the archive has a newer revision, the filter matches nothing and the insert fails on the `_id`, as intended.
    # A tombstone always wins, since a crash of Redis may have lost revisions.
    fields = dump_message(message)
    message_id = fields.pop("_id")
    gone = {name: "" for name in ("audioFileId", "ownText", *wire.OPTIONAL) if name not in fields}
    change: dict[str, Any] = {"$set": fields}
    if message["revision"] > 1 and gone:
        change["$unset"] = gone
    older = {} if "deletedAt" in fields else {"revision": {"$lt": message["revision"]}}
    own = {"_id": message_id, "conversation": fields["conversation"], "deletedAt": {"$exists": False}}
    return UpdateOne(own | older, change, upsert=True)


def migrate(mongo: "Database[dict[str, Any]]") -> None:
    """Creates missing indexes, and the looks of names that lack them.

    Safe to run repeatedly and by several processes at once.
    """
    for document in DOCUMENTS:
        document.ensure_indexes()
    mongo[f"{AUDIO_BUCKET}.chunks"].create_index([("files_id", 1), ("n", 1)], unique=True)
    mongo[f"{AUDIO_BUCKET}.files"].create_index([("metadata.messageId", 1), ("uploadDate", 1)])
    mongo[f"{AUDIO_BUCKET}.files"].create_index([("metadata.owner", 1)])
    _add_looks(mongo)


def _add_looks(mongo: "Database[dict[str, Any]]") -> None:
    """Adds what names look like to accounts from before that was kept, or from when it was made in another way.

    Accounts whose names look alike already go on. The first made keeps the look; what the others have is their own.
    """
    outdated = {"looksVersion": {"$ne": looks.VERSION}}
    for user in mongo.users.find(outdated, {"username": 1}).sort("_id", ASCENDING):
        same = {"_id": user["_id"], "username": user["username"]}  # unless it is renamed meanwhile
        for own in (looks.keys(user["username"]), [user["_id"]]):
            with suppress(DuplicateKeyError):
                mongo.users.update_one(same, {"$set": {"looks": own, "looksVersion": looks.VERSION}})
                break
