"""The hot store in Redis: redis-om models of users and of the last months of chat, and their search indexes.

Fields have the wire's names, so that a hot read is one JSON.MGET without conversion. The models define shapes, keys
and indexes; hot paths read and write the JSON directly, since redis-om's own find-and-sort slows down as a
conversation grows.
"""

import contextlib
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import orjson
from redis import Redis, ResponseError
from redis_om import Field, JsonModel

from chat.store import keys, partitions, search_terms
from chat.store.cluster import each_asked, node_of, nodes
from chat.store.connection import Stores
from chat.wire import StoredMessage

# How many indexed words a prefix or a misspelt word may expand to. The words of everybody's messages count, so with
# RediSearch's default of 200 strangers' words would crowd out the user's own. In an index of 120,000 words the longest
# query takes 6 ms.
MAX_EXPANSIONS = 2_000


_ID = "$.pk AS pk TAG SEPARATOR |"
_TERMS_TAG, _TERMS_TEXT = "$.terms AS terms TAG SEPARATOR | ", "$.terms AS terms_fts TEXT"


class HotModel(JsonModel):
    @classmethod
    def redisearch_schema(cls) -> str:
        """redis-om's schema with `terms` indexed once.

        redis-om also indexes the whole text as a tag, and RediSearch the stems of its words. No query uses either, and
        both take memory.
        """
        schema = str(super().redisearch_schema())
        return schema.replace(_TERMS_TAG, "").replace(_TERMS_TEXT, f"{_TERMS_TEXT} NOSTEM")

    class Meta:
        global_key_prefix = keys.PREFIX


class User(HotModel, index=True):  # type: ignore[call-arg]  # redis-om has no types
    """A person. Private are the email and whom they have muted, which only they see.

    `revision` grows with every change and tells which of two copies is newer; `nameKey` sorts them into the list.
    """

    username: str
    nameKey: str
    email: str
    bio: str = ""
    createdAt: str
    muted: list[str] = []
    terms: str = Field(index=True, full_text_search=True, default="")
    revision: int = 1

    class Meta:
        global_key_prefix = keys.PEOPLE
        model_key_prefix = "user"
        index_name = keys.USER_INDEX


class Message(HotModel, index=True):  # type: ignore[call-arg]  # redis-om has no types
    """One message with the wire's field names, plus what only the stores need.

    `revision` grows with every change and tells which of two copies is newer.
    `terms` are the searchable words; see `chat.messages.search`.
    """

    senderId: str = Field(index=True, case_sensitive=True)
    receiverId: str = Field(index=True, case_sensitive=True)
    dateSent: str
    text: str = ""
    audioFileId: str | None = None
    status: str
    clientId: str | None = None
    duration: float | None = None
    peaks: list[int] | None = None
    confidence: float | None = None
    language: str | None = None
    words: list[dict[str, Any]] | None = None
    editedAt: str | None = None
    deletedAt: str | None = None
    ownText: bool | None = None
    terms: str = Field(index=True, full_text_search=True, default="")
    revision: int = 1

    @classmethod
    def redisearch_schema(cls) -> str:
        """The same with ids to sort by, so that of equal hits the newest is first."""
        return super().redisearch_schema().replace(_ID, f"{_ID} SORTABLE UNF")

    class Meta:
        model_key_prefix = "message"


def dump_message(message: StoredMessage) -> bytes:
    """A message as the JSON that `Message` would save, without building a model: this is the hottest path of all."""
    document = {name: value for name, value in message.items() if value is not None}
    document["pk"] = document.pop("_id")
    document["terms"] = search_terms.of_message(message)
    return orjson.dumps(document)


def load_message(document: dict[str, Any]) -> StoredMessage:
    """A document of `Message` as a message."""
    document["_id"] = document.pop("pk")
    document.pop("terms", None)
    document.setdefault("audioFileId", None)
    return cast("StoredMessage", document)


def save_user(stores: Stores, archived: dict[str, Any]) -> None:
    """Copies a person from the archive into Redis, including the list of names.

    A copy older than the one in Redis changes nothing, so of two simultaneous changes the later one stays. The time
    they were last seen comes from the archive only if Redis has none.
    """
    User._meta.database = stores.redis  # constructing a model queries its database, by default one on localhost
    user_id = archived["_id"]
    user = User(
        pk=user_id,
        username=archived["username"],
        nameKey=keys.fold_name(archived["username"]),
        email=archived["email"],
        bio=archived.get("bio", ""),
        createdAt=archived["createdAt"],
        muted=archived.get("muted", []),
        terms=search_terms.terms(archived["username"]),
        revision=archived.get("revision", 1),
    )
    stores.scripts.save_user(
        keys=[keys.user_key(user_id), keys.NAMES, keys.PRESENCE_SEEN],
        args=[
            user_id,
            user.revision,
            orjson.dumps(user.model_dump()),
            user.nameKey,
            keys.name_suffix(user_id),
            archived.get("lastSeen") or "",
        ],
    )


class Index(NamedTuple):
    """A search index: its name, and the arguments it is made with."""

    name: str
    schema: str

    @property
    def hash(self) -> str:
        return hashlib.sha1(self.schema.encode(), usedforsecurity=False).hexdigest()


def indexes(stores: Stores) -> list[Index]:
    """All search indexes: one of people, and one of each partition's messages."""
    of_messages = Message.redisearch_schema()
    prefix = f" {keys.OLD_MESSAGES} "
    return [
        Index(keys.USER_INDEX, User.redisearch_schema()),
        *(
            Index(keys.message_index(each), of_messages.replace(prefix, f" {keys.message_prefix(each)} "))
            for each in partitions.every(stores)
        ),
    ]


def missing(stores: Stores) -> list[Index]:
    """Those search indexes that do not exist. In a cluster, each must be on the node that has its documents."""
    redis = stores.redis
    with each_asked(redis):
        known = {node: node.execute_command("FT._LIST") for node in nodes(redis)}
    return [each for each in indexes(stores) if each.name.encode() not in known.get(node_of(redis, each.name), ())]


def outdated(stores: Stores) -> list[Index]:
    """Those search indexes that are missing or have another schema."""
    wanted, absent = indexes(stores), missing(stores)
    with stores.redis.pipeline(transaction=False) as pipe:
        for index in wanted:
            pipe.get(keys.hash_key(index.name))
        hashes = pipe.execute()
    return [
        index
        for index, made_with in zip(wanted, hashes, strict=True)
        if index in absent or made_with != index.hash.encode()
    ]


def migrate(stores: Stores) -> None:
    """Creates the search indexes, or rebuilds those whose schema changed. Only one process at a time may run this."""
    changed = outdated(stores)
    for index in changed:
        drop_index(stores.redis, index.name)
    with stores.redis.pipeline(transaction=False) as pipe:
        for index in changed:
            pipe.execute_command("FT.CREATE", index.name, *index.schema.split())
            pipe.set(keys.hash_key(index.name), index.hash)
        pipe.execute()


def drop_index(redis: Redis, name: str) -> None:
    """Drops an index if it exists, keeping its documents."""
    try:
        redis.execute_command("FT.DROPINDEX", name)
    except ResponseError as error:
        if "unknown index" not in str(error).lower() and "no such index" not in str(error).lower():
            raise


def configure(redis: Redis) -> None:
    """Sets how wide prefix searches are, and that a search that times out fails rather than returns part of the hits.

    Redis forgets both when it restarts.
    """
    with each_asked(redis):
        for node in nodes(redis):
            _configure(node)


def _configure(node: Redis) -> None:
    for name, value in (("MAXPREFIXEXPANSIONS", MAX_EXPANSIONS), ("ON_TIMEOUT", "fail")):
        with contextlib.suppress(ResponseError):  # a managed Redis may forbid it; then only its operator can set it
            if dict(node.execute_command("FT.CONFIG", "GET", name)).get(name.encode()) != str(value).encode():
                node.execute_command("FT.CONFIG", "SET", name, value)  # only then: Redis logs each


def read_json(redis: Redis, names: list[str]) -> list[dict[str, Any] | None]:
    """Returns the documents at these keys, None for each missing one. One round trip."""
    if not names:
        return []
    found = redis.execute_command("JSON.MGET", *names, ".")
    return [None if raw is None else orjson.loads(raw) for raw in found]


def read_messages(stores: Stores, message_ids: Sequence[str]) -> list[StoredMessage | None]:
    """Returns the messages with these ids, None for each one that Redis does not have.

    One round trip, and another one where the partition that an id tells has no such message: ids from before they told
    it are looked for in all partitions.
    """
    told = [partitions.of_message(stores, message_id) for message_id in message_ids]
    found = read_at(stores, list(zip(told, message_ids, strict=True)))
    missing = [message_id for message_id, message in zip(message_ids, found, strict=True) if message is None]
    everywhere = [(partition, message_id) for message_id in missing for partition in partitions.every(stores)]
    others = {message["_id"]: message for message in read_at(stores, everywhere) if message is not None}
    return [message or others.get(message_id) for message_id, message in zip(message_ids, found, strict=True)]


def read_again(stores: Stores, messages: Iterable[StoredMessage]) -> list[StoredMessage | None]:
    """Returns these messages as Redis has them now, None for each one that it does not have. One round trip."""
    return read_at(stores, [(partitions.of(stores, message), message["_id"]) for message in messages])


def read_in(stores: Stores, partition: int, message_ids: Iterable[str]) -> list[StoredMessage | None]:
    """Returns a partition's messages with these ids, None for each one that is not there. One round trip."""
    return read_at(stores, [(partition, message_id) for message_id in message_ids])


def read_at(stores: Stores, places: Sequence[tuple[int, str]]) -> list[StoredMessage | None]:
    """The same for messages of several partitions."""
    found = read_json(stores.redis, [keys.message_key(*place) for place in places])
    return [None if document is None else load_message(document) for document in found]
