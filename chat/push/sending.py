"""Sends the notifications that wait: what each says, to whom it still matters, and what follows a failure.

A notification says who wrote. It has the text only for people who want that: it passes through a push service, which
cannot read it, and lies on a locked screen, which others can.
"""

import structlog

from chat import ids, wire
from chat.errors import NotFound
from chat.people import accounts, presence
from chat.push import subscriptions, waiting
from chat.push.service import GONE, LATER, REFUSED, PushServices
from chat.push.waiting import Waiting
from chat.store import counters, hot, keys
from chat.store.connection import Stores
from chat.wire import StoredMessage

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
FIRST_PAUSE = 10.0  # seconds before the second attempt; four times as long before each further one
TEXT_LIMIT = 200  # characters: more than a notification shows


def send_next(stores: Stores, services: PushServices) -> bool:
    """Sends what has been due longest to all devices of its receiver. Returns whether there was anything."""
    taken = waiting.take(stores)
    if taken is None:
        return False
    message = _relevant(stores, taken)
    waiting.end(stores, taken, again_in=_send(stores, services, taken, message) if message else None)
    return True


def _relevant(stores: Stores, taken: Waiting) -> StoredMessage | None:
    """The message, unless its receiver has come online, has read it or does not want to hear of it, or it is gone."""
    found = hot.read_messages(stores.redis, [taken.message_id])[0]
    unread = stores.redis.zscore(keys.inbox_key(taken.receiver_id, taken.sender_id), taken.message_id) is not None
    if found is None or found.get("deletedAt") or not unread or presence.online(stores, [taken.receiver_id]):
        return None
    try:
        receiver = accounts.get(stores, taken.receiver_id)
    except NotFound:
        return None
    return None if taken.sender_id in receiver.get("muted", ()) else found


def _send(stores: Stores, services: PushServices, taken: Waiting, message: StoredMessage) -> float | None:
    """Sends it to each device. Returns in how many seconds to try again, None if there is no need."""
    devices, shows_text = subscriptions.valid_devices(stores, taken.receiver_id)
    if not devices:
        return None
    content = wire.dumps(_content(stores, message, shows_text=shows_text))
    topic = services.topic(ids.conversation_id(taken.receiver_id, taken.sender_id))
    pauses: list[float] = []
    for device in devices:
        outcome = services.send(device, content, topic)
        counters.count("pushes", outcome.result)
        if outcome.result == GONE:
            subscriptions.remove_endpoint(stores, taken.receiver_id, device.endpoint)
        elif outcome.result == LATER:
            pauses.append(outcome.retry_after)
        if outcome.result in (LATER, REFUSED):
            log.warning("push.not_sent", result=outcome.result, status=outcome.status, attempt=taken.attempt)
    if not pauses or taken.attempt >= MAX_ATTEMPTS:
        return None
    return max(FIRST_PAUSE * 4.0 ** (taken.attempt - 1), *pauses)


def _content(stores: Stores, message: StoredMessage, *, shows_text: bool) -> dict[str, object]:
    """What the service worker shows (web/static/js/worker/notices.js)."""
    sender = accounts.profiles(stores, [message["senderId"]])[message["senderId"]]
    text = message["text"][:TEXT_LIMIT] if shows_text else None
    return {
        "messageId": message["_id"],
        "senderId": message["senderId"],
        "sender": sender["username"],
        "isVoice": message["audioFileId"] is not None if shows_text else None,
        "text": text,
    }
