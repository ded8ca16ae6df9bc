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
from chat.store import counters, hot, keys, partitions
from chat.store.connection import Stores
from chat.wire import StoredMessage

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
FIRST_PAUSE = 10.0  # seconds before the second attempt; four times as long before each further one
TEXT_LIMIT = 200  # characters: more than a notification shows


def send_next(stores: Stores, services: PushServices) -> bool:
    """Sends what has been due longest to all devices of its receiver. Returns whether there was anything.

    What a push service in trouble did not take is sent again later, only to the devices that it is for.
    """
    taken = waiting.take(stores)
    if taken is None:
        return False
    message = _relevant(stores, taken)
    pauses = _send(stores, services, taken, message) if message else {}
    if pauses and taken.attempt < MAX_ATTEMPTS:
        pause = max(FIRST_PAUSE * 4.0 ** (taken.attempt - 1), *pauses.values())
        waiting.repeat(stores, taken, pause, pauses)
    else:
        waiting.end(stores, taken)
    return True


def _relevant(stores: Stores, taken: Waiting) -> StoredMessage | None:
    """The message, unless its receiver has come online, has read it or does not want to hear of it, or it is gone."""
    partition = partitions.of_people(stores, taken.receiver_id, taken.sender_id)
    found = hot.read_in(stores, partition, [taken.message_id])[0]
    unread = stores.redis.zscore(keys.inbox_key(taken.receiver_id, taken.sender_id), taken.message_id) is not None
    if found is None or found.get("deletedAt") or not unread or presence.online(stores, [taken.receiver_id]):
        return None
    try:
        receiver = accounts.get(stores, taken.receiver_id)
    except NotFound:
        return None
    return None if taken.sender_id in receiver.get("muted", ()) else found


def _send(stores: Stores, services: PushServices, taken: Waiting, message: StoredMessage) -> dict[str, float]:
    """Sends it to each device that has not got it yet.

    Returns the token ids of those to try again, with the seconds for which their push services asked us to wait.
    """
    valid, shows_text = subscriptions.valid_devices(stores, taken.receiver_id)
    devices = [each for each in valid if not taken.unreached or each.token_id in taken.unreached]
    if not devices:
        return {}
    content = wire.dumps(_content(stores, message, shows_text=shows_text))
    topic = services.topic(ids.conversation_id(taken.receiver_id, taken.sender_id))
    pauses: dict[str, float] = {}
    for device in devices:
        outcome = services.send(device, content, topic)
        counters.count("pushes", outcome.result)
        if outcome.result == GONE:
            subscriptions.remove_endpoint(stores, taken.receiver_id, device.endpoint)
        elif outcome.result == LATER:
            pauses[device.token_id] = outcome.retry_after
        if outcome.result in (LATER, REFUSED):
            log.warning("push.not_sent", result=outcome.result, status=outcome.status, attempt=taken.attempt)
    return pauses


def _content(stores: Stores, message: StoredMessage, *, shows_text: bool) -> dict[str, object]:
    """What the service worker shows (web/static/js/worker/notices.js)."""
    sender = accounts.profiles(stores, message["receiverId"], [message["senderId"]])[message["senderId"]]
    text = message["text"][:TEXT_LIMIT] if shows_text else None
    return {
        "messageId": message["_id"],
        "senderId": message["senderId"],
        "sender": sender["username"],
        "isVoice": message["audioFileId"] is not None if shows_text else None,
        "text": text,
    }
