"""Tells people what changed about somebody other than their presence, on `application:users`.

These frames go only to those they concern, and are not kept: whoever is not connected reads the change with the list of
conversations when they come back.
"""

from collections.abc import Collection, Sequence
from typing import Any

from redis import Redis

from chat import frames
from chat.people import presence
from chat.store import keys
from chat.store.connection import Stores
from chat.store.scripts import execute


def tell_of_profile(stores: Stores, user_id: str, username: str, bio: str) -> None:
    """Shows a person's new name and text to their contacts, and on their own other devices."""
    _tell(stores, user_id, [user_id, *presence.contacts(stores, user_id)], username=username, bio=bio)


def tell_of_muting(stores: Stores, user_id: str, partner_id: str, muted: bool) -> None:
    """Shows on a person's own devices that they muted a partner, or no longer do."""
    if presence.shown(stores, user_id, [partner_id]):
        _tell(stores, partner_id, [user_id], muted=muted)
    else:
        hidden = frames.presence_envelope(partner_id, False, None, [user_id], {"muted": muted})
        presence.publish(stores, hidden)


def tell_of_meeting(stores: Stores, pairs: Collection[tuple[str, str]]) -> None:
    """Shows the presence of two people to each other, who could not see it until they talked. One round trip."""
    if not pairs:
        return
    with stores.redis.pipeline(transaction=False) as pipe:
        for one, other in pairs:
            _tell(stores, one, [other], pipe)
            _tell(stores, other, [one], pipe)
        execute(pipe)


def _tell(stores: Stores, about: str, recipients: Sequence[str], pipe: Redis | None = None, **news: Any) -> None:
    if_online, after = frames.presence_halves(about, True, recipients, news)
    if_offline, _ = frames.presence_halves(about, False, recipients, news)
    stores.scripts.tell_of_person(
        keys=[keys.PRESENCE_ONLINE, keys.PRESENCE_SEEN],
        args=[frames.USERS, about, if_online, if_offline, after],
        client=pipe,
    )
