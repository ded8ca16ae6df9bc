"""Copies people from MongoDB back into Redis, for the time after Redis was lost and until it is rebuilt."""

from collections.abc import Sequence

from chat.store import hot
from chat.store.connection import Document, Stores


def find_user(stores: Stores, user_id: str) -> Document | None:
    """Returns a person from the archive after copying them into Redis; None if there is no such person.

    Raises:
        PyMongoError: MongoDB is away.
    """
    user = stores.mongo.users.find_one({"_id": user_id})
    if user is not None:
        hot.save_user(stores, user)
    return user


def restore_users(stores: Stores, user_ids: Sequence[str]) -> list[str]:
    """Copies these people into Redis. Returns the ids of those the archive knows.

    Raises:
        PyMongoError: MongoDB is away.
    """
    if not user_ids:
        return []
    users = list(stores.mongo.users.find({"_id": {"$in": list(user_ids)}}))
    for user in users:
        hot.save_user(stores, user)
    return [user["_id"] for user in users]
