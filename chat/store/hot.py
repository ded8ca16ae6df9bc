"""The hot store: redis-om models of users and of the last months of chat, and their search indexes.

Fields carry the names of the wire, so that a hot read is one JSON.MGET and no conversion. Hot paths read
and write the JSON itself (redis-om's own find and sort grows with a conversation); the models own the
shape, the keys and the indexes.
"""

from typing import Any

from redis import Redis
from redis_om import Field, JsonModel, Migrator

from chat import channels


class HotModel(JsonModel):
    class Meta:
        global_key_prefix = channels.PREFIX


class User(HotModel):
    """A person, without anything secret but the email, which only they themselves are shown."""

    username: str
    email: str
    bio: str = ""
    createdAt: str
    terms: str = Field(index=True, full_text_search=True, default="")

    class Meta:
        model_key_prefix = "user"


class Message(HotModel):
    """One message in the shape of the wire, plus what only the stores need.

    `revision` grows with every change and decides which of two copies is newer.
    `terms` are the searchable words, see `chat.search`.
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
    terms: str = Field(index=True, full_text_search=True, default="")
    revision: int = 1

    class Meta:
        model_key_prefix = "message"


def migrate(redis: Redis) -> None:
    """Create the search indexes, or rebuild those whose schema has changed. One process at a time runs this."""
    for model in (User, Message):
        model._meta.database = redis
    Migrator(conn=redis).run()
