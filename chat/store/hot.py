"""The hot store: redis-om models of users and of the last months of chat, and their search indexes.

Fields carry the names of the wire, so that a hot read is one JSON.MGET and no conversion. Hot paths read
and write the JSON itself (redis-om's own find and sort grows with a conversation); the models own the
shape, the keys and the indexes.
"""

import contextlib
from typing import Any, cast

import orjson
from redis import Redis, ResponseError
from redis_om import Field, JsonModel, Migrator

from chat.store import keys, search_terms
from chat.store.connection import Stores
from chat.wire import StoredMessage

# Words that one beginning, or one with an error, may stand for. Every message's words count, also strangers'; with
# RediSearch's 200 they would crowd out one's own. In an index of 100,000 words the shortest query takes 7 ms so.
EXPANSIONS_MOST = 10_000


class HotModel(JsonModel):
    class Meta:
        global_key_prefix = keys.PREFIX


class User(HotModel, index=True):  # type: ignore[call-arg]  # redis-om has no types
    """A person, without anything secret but the email, which only they themselves are shown.

    `revision` grows with every change and decides which of two copies is newer; `nameKey` is their place in the list.
    """

    username: str
    nameKey: str
    email: str
    bio: str = ""
    createdAt: str
    terms: str = Field(index=True, full_text_search=True, default="")
    revision: int = 1

    class Meta:
        model_key_prefix = "user"
        index_name = keys.USER_INDEX


class Message(HotModel, index=True):  # type: ignore[call-arg]  # redis-om has no types
    """One message in the shape of the wire, plus what only the stores need.

    `revision` grows with every change and decides which of two copies is newer.
    `terms` are the searchable words, see `chat.messages.search`.
    """

    senderId: str = Field(index=True, case_sensitive=True)
    receiverId: str = Field(index=True, case_sensitive=True)
    dateSent: str
    text: str = ""
    audioFileId: str | None = None
    status: str
    clientId: str | None = None
    confidence: float | None = None
    language: str | None = None
    words: list[dict[str, Any]] | None = None
    editedAt: str | None = None
    deletedAt: str | None = None
    ownText: bool | None = None
    terms: str = Field(index=True, full_text_search=True, default="")
    revision: int = 1

    class Meta:
        model_key_prefix = "message"
        index_name = keys.MESSAGE_INDEX


def dump_message(message: StoredMessage) -> bytes:
    """The JSON of a message as `Message` saves it, without building one: this is the hottest path there is."""
    document = {name: value for name, value in message.items() if value is not None}
    document["pk"] = document.pop("_id")
    document["terms"] = search_terms.of_message(message)
    return orjson.dumps(document)


def load_message(document: dict[str, Any]) -> StoredMessage:
    """The message in a document of `Message`."""
    document["_id"] = document.pop("pk")
    document.pop("terms", None)
    document.setdefault("audioFileId", None)
    return cast("StoredMessage", document)


def save_user(stores: Stores, archived: dict[str, Any]) -> None:
    """Put a person of the archive into Redis, or renew them, with their place in the list of names.

    A copy that is older than what Redis has changes nothing: of two changes at once the later one stays. When they
    were last seen is taken from the archive only where Redis does not know it.
    """
    User._meta.database = stores.redis  # a model that is made asks its database what it can do; else one on localhost
    user_id = archived["_id"]
    user = User(
        pk=user_id,
        username=archived["username"],
        nameKey=keys.fold_name(archived["username"]),
        email=archived["email"],
        bio=archived.get("bio", ""),
        createdAt=archived["createdAt"],
        terms=search_terms.terms(archived["username"]),
        revision=archived.get("revision", 1),
    )
    stores.scripts.save_user(
        keys=[user.key(), keys.NAMES, keys.PRESENCE_SEEN],
        args=[
            user_id,
            user.revision,
            orjson.dumps(user.model_dump()),
            user.nameKey,
            keys.name_suffix(user_id),
            archived.get("lastSeen") or "",
        ],
    )


def is_outdated(redis: Redis) -> bool:
    """Whether a search index is missing or has another schema."""
    migrator = _migrator(redis)
    migrator.detect_migrations()
    return bool(migrator.migrations)


def migrate(redis: Redis) -> None:
    """Create the search indexes, or rebuild those whose schema has changed. One process at a time runs this."""
    _migrator(redis).run()


def configure(redis: Redis) -> None:
    """Widen prefix searches; a Redis that restarts has forgotten it."""
    with contextlib.suppress(ResponseError):  # a managed Redis may not let us; then it is set there, or stays narrow
        redis.execute_command("FT.CONFIG", "SET", "MAXPREFIXEXPANSIONS", EXPANSIONS_MOST)


def _migrator(redis: Redis) -> Migrator:
    for model in (User, Message):
        model._meta.database = redis
    return Migrator(conn=redis)


def read_json(redis: Redis, names: list[str]) -> list[dict[str, Any] | None]:
    """The documents under these keys, None where there is none. One round trip."""
    if not names:
        return []
    found = redis.execute_command("JSON.MGET", *names, ".")
    return [None if raw is None else orjson.loads(raw) for raw in found]


def read_messages(redis: Redis, message_ids: list[str]) -> list[StoredMessage | None]:
    """The messages with these ids, None where Redis does not hold one. One round trip."""
    found = read_json(redis, [keys.message_key(message_id) for message_id in message_ids])
    return [None if document is None else load_message(document) for document in found]
