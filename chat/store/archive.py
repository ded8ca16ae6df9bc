"""The archive: mongoengine documents of everything that is kept, and GridFS for audio.

The unique indexes here carry the promises: one account a name and an email, one message an `_id`, one
message a sender's `clientId` in a conversation. Hot paths read raw documents (`Stores.mongo`); the documents own shape,
collections and indexes. Timestamps are RFC 3339 text in UTC with milliseconds, as on the wire.
"""

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
from pymongo import UpdateOne
from pymongo.database import Database

from chat import ids, wire
from chat.wire import StoredMessage

# Recordings; metadata: owner, name, mimetype, duration (s), and once claimed messageId and conversation.
AUDIO_BUCKET = "audio"


class User(Document):
    """A person as others may see them, and their email. `emailKey` and `usernameKey` compare without case."""

    id = StringField(primary_key=True, db_field="_id")
    email = StringField(required=True)
    emailKey = StringField(required=True)
    username = StringField(required=True)
    usernameKey = StringField(required=True)
    bio = StringField(default="")
    createdAt = StringField(required=True)
    lastSeen = StringField()
    revision = IntField(default=1)

    meta = {
        "collection": "users",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["emailKey"], "unique": True},
            {"fields": ["usernameKey"], "unique": True},
        ],
    }


class Security(Document):
    """What proves who a person is; apart from `User`, so that no list of users can ever carry it."""

    id = StringField(primary_key=True, db_field="_id")
    passwordHash = StringField(required=True)

    meta = {"collection": "security", "auto_create_index": False}


class Message(Document):
    """One message, in the shape of the wire.

    `conversation` is both people's ids and the key to shard by; a sharded cluster has no unique index that does not
    begin with it, and no upsert that does not name it.
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
    """Two people who have written to each other, and the `_id` of their last message, however old that is."""

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
    """What `chat.people.sessions` has ended: key and value as in Redis, until no token it concerns could still hold."""

    id = StringField(primary_key=True, db_field="_id")
    value = StringField(required=True)
    until = DateTimeField(required=True)

    meta = {
        "collection": "sessions",
        "auto_create_index": False,
        "indexes": [{"fields": ["until"], "expireAfterSeconds": 0}],
    }


class Erasure(Document):
    """Somebody who has left, until nothing of theirs is left; see `chat.upkeep.erasure`.

    `due` is when to go on, `settles` from when on the last pass may begin. While a pass is on, `at` is the last
    message it has done ('' for none) and `last` whether it is the last one.
    """

    id = StringField(primary_key=True, db_field="_id")
    username = StringField(required=True)
    due = StringField(required=True)
    settles = StringField(required=True)
    at = StringField()
    last = BooleanField()

    meta = {"collection": "erasures", "auto_create_index": False, "indexes": [{"fields": ["due"]}]}


DOCUMENTS = (User, Security, Message, Conversation, Cursor, EndedSession, Erasure)


def dump_message(message: StoredMessage) -> dict[str, Any]:
    """The document of a message, as `Message` has it."""
    document = {name: value for name, value in message.items() if value is not None}
    document["conversation"] = ids.conversation_id(message["senderId"], message["receiverId"])
    return document


def load_message(document: dict[str, Any]) -> StoredMessage:
    """The message in a document of `Message`."""
    message = {name: value for name, value in document.items() if name != "conversation"}
    message.setdefault("audioFileId", None)
    return cast("StoredMessage", message)


def upsert_message(message: StoredMessage) -> UpdateOne:
    """Writes a message, unless the archive holds a newer revision of it."""
    # With a newer revision there the filter finds nothing and the insert hits the `_id`: just what we want.
    # A tombstone is the last word, whatever revisions a crash of Redis may have lost.
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
    """Create the indexes that are missing. Safe to run any number of times, and by several processes."""
    for document in DOCUMENTS:
        document.ensure_indexes()
    mongo[f"{AUDIO_BUCKET}.chunks"].create_index([("files_id", 1), ("n", 1)], unique=True)
    mongo[f"{AUDIO_BUCKET}.files"].create_index([("metadata.messageId", 1), ("uploadDate", 1)])
    mongo[f"{AUDIO_BUCKET}.files"].create_index([("metadata.owner", 1)])
