"""Who gets notifications by Web Push, and on which devices: one subscription for each session that asked for it.

MongoDB has them, with the person's wish whether a notification may show a message's text. Redis has only the set of
people with a subscription, so that a message to anybody else costs nothing. A session that ends takes its subscription
along; should MongoDB be away at that moment, the next notification finds out (`valid_devices`).
"""

import contextlib
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from pymongo.errors import PyMongoError

from chat.errors import Invalid, NotFound
from chat.people import sessions
from chat.people.sessions import Session
from chat.push import addresses, vapid
from chat.store import keys
from chat.store.connection import Document, Stores

MAX_DEVICES = 10  # of a person; a further one takes the place of the oldest


class Device(NamedTuple):
    """A browser that gets notifications: its push service's address, and the keys for what only it can read."""

    token_id: str
    endpoint: str
    p256dh: str
    auth: str


def state(stores: Stores, user_id: str, token_id: str) -> dict[str, Any]:
    """What the page needs to know: our public key (None without Web Push), and what this person has chosen."""
    profile = _profile(stores, user_id)
    subscribed = any(each["tokenId"] == token_id for each in profile.get("subscriptions", ()))
    key = vapid.public_key(stores.settings)
    return {"key": key, "subscribed": subscribed, "showsText": bool(profile.get("showsText"))}


def subscribe(stores: Stores, session: Session, endpoint: str, p256dh: str, auth: str) -> None:
    """Sends notifications to this browser from now on, until the session ends.

    Raises:
        NotFound: this server has no key for Web Push.
        Invalid: the endpoint is none of a push service in the internet, or a key is none.
    """
    if vapid.public_key(stores.settings) is None:
        raise NotFound("no_notifications")
    try:
        addresses.parse(endpoint, private_allowed=stores.settings.push_to_private_hosts)
    except addresses.NotAllowed as error:
        raise Invalid("endpoint", "push_service_not_allowed", sentence=error.sentence) from None
    if not vapid.is_point(p256dh):
        raise Invalid("keys.p256dh", "not_a_public_key")
    if not vapid.is_secret(auth):
        raise Invalid("keys.auth", "not_a_secret")
    # One browser is one device, whoever used it before.
    stores.mongo.push.update_many(
        {"subscriptions.endpoint": endpoint}, {"$pull": {"subscriptions": {"endpoint": endpoint}}}
    )
    own = {"tokenId": session.token_id, "issued": session.issued_ms, "expires": session.expires}
    device = {**own, "endpoint": endpoint, "p256dh": p256dh, "auth": auth}
    others = {
        "$filter": {"input": {"$ifNull": ["$subscriptions", []]}, "cond": {"$ne": ["$$this.tokenId", own["tokenId"]]}}
    }
    newest = {"$slice": [{"$concatArrays": [others, [{"$literal": device}]]}, -MAX_DEVICES]}
    stores.mongo.push.update_one({"_id": session.user_id}, [{"$set": {"subscriptions": newest}}], upsert=True)
    stores.redis.sadd(keys.PUSH_PEOPLE, session.user_id)


def show_text(stores: Stores, user_id: str, shows_text: bool) -> None:
    """Sets whether this person's notifications show what was written."""
    stores.mongo.push.update_one({"_id": user_id}, {"$set": {"showsText": shows_text}}, upsert=True)


def unsubscribe(stores: Stores, user_id: str, token_id: str) -> None:
    """Ends the notifications to one session's browser."""
    _remove(stores, user_id, {"tokenId": token_id})


def end_with(stores: Stores, session: Session) -> None:
    """Ends them because the session has ended. If MongoDB is away the subscription stays, but gets nothing."""
    with contextlib.suppress(PyMongoError):
        unsubscribe(stores, session.user_id, session.token_id)


def keep_only(stores: Stores, session: Session) -> None:
    """Likewise when all sessions of this person have ended but one."""
    with contextlib.suppress(PyMongoError):
        _remove(stores, session.user_id, {"tokenId": {"$ne": session.token_id}})


def remove_endpoint(stores: Stores, user_id: str, endpoint: str) -> None:
    """Removes what the push service says is gone."""
    _remove(stores, user_id, {"endpoint": endpoint})


def forget(stores: Stores, user_id: str) -> None:
    """Forgets everything about a deleted account."""
    stores.mongo.push.delete_one({"_id": user_id})
    stores.redis.srem(keys.PUSH_PEOPLE, user_id)


def valid_devices(stores: Stores, user_id: str) -> tuple[list[Device], bool]:
    """The devices whose sessions still hold, and whether their notifications may show a message's text."""
    profile = _profile(stores, user_id)
    found = []
    for each in profile.get("subscriptions", ()):
        holds = each["expires"] > time.time() and sessions.is_valid(stores, user_id, each["tokenId"], each["issued"])
        if holds:
            found.append(Device(each["tokenId"], each["endpoint"], each["p256dh"], each["auth"]))
        else:
            unsubscribe(stores, user_id, each["tokenId"])
    if not profile.get("subscriptions"):
        stores.redis.srem(keys.PUSH_PEOPLE, user_id)
    return found, bool(profile.get("showsText"))


def restore(stores: Stores, profiles: Iterable[Document]) -> None:
    """Copies who has a subscription from the archive back into Redis."""
    if people := [each["_id"] for each in profiles if each.get("subscriptions")]:
        stores.redis.sadd(keys.PUSH_PEOPLE, *people)


def _profile(stores: Stores, user_id: str) -> Document:
    return stores.mongo.push.find_one({"_id": user_id}) or {}


def _remove(stores: Stores, user_id: str, which: Document) -> None:
    left = stores.mongo.push.find_one_and_update(
        {"_id": user_id}, {"$pull": {"subscriptions": which}}, return_document=True
    )
    if left is None or not left.get("subscriptions"):
        stores.redis.srem(keys.PUSH_PEOPLE, user_id)
        restore(stores, [_profile(stores, user_id) | {"_id": user_id}])  # in case they subscribed at this moment
