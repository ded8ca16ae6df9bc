"""Whom a person has muted: messages from them arrive as ever, but make no sound and no notification.

Kept with the account in MongoDB, and with its copy in Redis.
"""

from chat.errors import Conflict
from chat.people import accounts, telling
from chat.store import hot
from chat.store.connection import Document, Stores

MAX_MUTED = 1_000  # people one person may mute; beyond it, muting is refused


def muted(stores: Stores, user_id: str) -> frozenset[str]:
    """The people this person has muted. Raises NotFound if the person does not exist."""
    return frozenset(accounts.get(stores, user_id).get("muted", ()))


def is_muted(stores: Stores, user_id: str, partner_id: str) -> bool:
    """Whether this person has muted that one. Raises NotFound if there is no such person."""
    accounts.require(stores, partner_id)
    return partner_id in muted(stores, user_id)


def mute(stores: Stores, user_id: str, partner_id: str) -> None:
    """Mutes a partner; harmless if they are muted already.

    Raises:
        NotFound: there is no such person.
        Conflict: this person has muted `MAX_MUTED` others.
    """
    accounts.require(stores, partner_id)
    has_room = {"muted": {"$ne": partner_id}, f"muted.{MAX_MUTED - 1}": {"$exists": False}}
    changed = _change(stores, user_id, has_room, {"$push": {"muted": partner_id}})
    if not changed and partner_id not in muted(stores, user_id):
        raise Conflict("too_many_muted", most=MAX_MUTED)
    telling.tell_of_muting(stores, user_id, partner_id, muted=True)


def unmute(stores: Stores, user_id: str, partner_id: str) -> None:
    """Ends that; harmless if they are not muted.

    Raises:
        NotFound: there is no such person.
    """
    if _change(stores, user_id, {"muted": partner_id}, {"$pull": {"muted": partner_id}}):
        telling.tell_of_muting(stores, user_id, partner_id, muted=False)
    else:
        accounts.require(stores, partner_id)


def _change(stores: Stores, user_id: str, condition: Document, change: Document) -> bool:
    user = stores.mongo.users.find_one_and_update(
        {"_id": user_id, **condition}, {**change, "$inc": {"revision": 1}}, return_document=True
    )
    if user is not None:
        hot.save_user(stores, user)
    return user is not None
