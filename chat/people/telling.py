"""Tells people what changed about somebody other than their presence, on `application:users`.

These frames go only to those they concern, and are not kept: whoever is not connected reads the change with the list of
conversations when they come back.
"""

from collections.abc import Sequence
from typing import Any

from chat import frames
from chat.store import keys
from chat.store.connection import Stores

MAX_PARTNERS = 1_000  # told at once; those whose conversation is older see a new name when they load the page


def tell_of_profile(stores: Stores, user_id: str, username: str, bio: str) -> None:
    """Shows a person's new name and text to their partners, and on their own other devices."""
    partners = stores.redis.zrange(keys.conversations_key(user_id), 0, MAX_PARTNERS - 1, desc=True)
    _tell(stores, user_id, [user_id, *(raw.decode() for raw in partners)], username=username, bio=bio)


def tell_of_muting(stores: Stores, user_id: str, partner_id: str, muted: bool) -> None:
    """Shows on a person's own devices that they muted a partner, or no longer do."""
    _tell(stores, partner_id, [user_id], muted=muted)


def _tell(stores: Stores, about: str, recipients: Sequence[str], **news: Any) -> None:
    if_online, after = frames.presence_halves(about, True, recipients, news)
    if_offline, _ = frames.presence_halves(about, False, recipients, news)
    stores.scripts.tell_of_person(
        keys=[keys.PRESENCE_ONLINE, keys.PRESENCE_SEEN],
        args=[frames.USERS, about, if_online, if_offline, after],
    )
