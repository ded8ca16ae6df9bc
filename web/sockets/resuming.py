"""Sends a socket what it missed, in order and before anything newer, and says whether that is all.

This goes page by page. A page is read from Redis only when the client has taken the one before, so that a client which
asks for much and reads nothing costs one page of memory. Frames that arrive meanwhile wait in `Held`. If they are too
many for that, they are dropped there and read from Redis like the others, since it keeps them too.
"""

import orjson

from chat import frames
from chat.messages import delivery
from chat.messages.delivery import Page
from chat.store.connection import Stores
from web.sockets.connection import Connection, encode
from web.sockets.held import Held

PAGE_FRAMES = 20  # a voice message of ten minutes with its words has 120 KB


def resume(stores: Stores, connection: Connection, after: str) -> None:
    """Sends the frames that came after that message. Stops early if the socket closes, as it does if nobody reads.

    Raises:
        RedisError, PyMongoError: a store is unavailable. The socket then has a gap, so the caller must close it.
    """
    held = connection.held = Held(stores.settings.socket_queue_bytes)
    try:
        page = delivery.missed_after(stores, connection.user_id, after, PAGE_FRAMES)
        complete, sent = page.complete, 0
        while True:
            encoded = _encoded(page)
            sent += len(encoded)
            is_too_much = sent > stores.settings.socket_resume_bytes
            complete = complete and page.complete and not is_too_much
            if is_too_much or not (page.more or held.overflowed):
                break
            if not (connection.push(encoded) and connection.flush()):
                return
            if held.overflowed:
                held.restart()
            page = delivery.missed_since(stores, connection.user_id, page.newest, PAGE_FRAMES)
        end = encode(frames.frame(frames.RESUME, orjson.dumps({"complete": complete})))
        connection.push(b"".join([encoded, *held.after(page.newest), end]))
    finally:
        connection.held = None


def _encoded(page: Page) -> bytes:
    return b"".join(encode(frames.frame(each.channel, each.data)) for each in page.frames)
