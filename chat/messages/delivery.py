"""Delivers frames to people, and finds the frames somebody missed.

Every frame of a conversation gets a position for each of its two people: microseconds of Redis's clock, strictly
increasing for that person. Redis keeps what was delivered to them by position, so a socket that resumes, or a web
process that lost its subscription, gets exactly the frames that came later, in order. Pub/sub is only the wake-up call;
the kept frames are the truth.
"""

from collections.abc import Iterable
from typing import NamedTuple

from redis import Redis
from redis.client import Pipeline

from chat import ids, tracing, wire
from chat.frames import (
    CAPTIONS,
    TYPING,
    Frame,
    encode_envelope,
    envelope_head,
    message_id_of,
    rebuild,
    transcribing_member,
)
from chat.store import clock, hot, keys
from chat.store.cluster import each_asked, node_of
from chat.store.connection import Stores
from chat.store.scripts import execute

UNREAD_LIMIT = 1_000  # unread counts stop here
CLOCKS_APART = 2_000_000  # microseconds by which two nodes' clocks, which make ids and positions, may differ
BATCH_BYTES = 65_536  # of a person's frames published together: a web process reads them into memory at once


class Missed(NamedTuple):
    channel: str
    data: bytes


class Page(NamedTuple):
    """Some of the frames a socket missed, in order.

    `newest` is the position of the last one and `more` says whether others follow. `complete` is False when frames
    from before the last one are no longer known.
    """

    frames: list[Missed]
    newest: int
    more: bool
    complete: bool


class Listing(NamedTuple):
    """A new message in somebody's list of conversations: with whom, and when (Unix, ms).

    `is_unread` says whether it may be; `read` is up to where they have read the conversation.
    """

    person: str
    partner: str
    moment: int
    message_id: str
    is_unread: bool = False
    read: str = ""


def deliver(
    stores: Stores,
    frames: Iterable[Frame],
    client: Pipeline | None = None,
    *,
    reposition: bool = True,
    listings: Iterable[Listing] = (),
    stored_now: str = "",
) -> None:
    """Publishes frames in this order and keeps them for sockets that resume; before that, lists new messages.

    One step for each person, all in one round trip, or part of a pipeline's when `client` is one. A frame that was
    delivered before gets a new position; with `reposition` False it keeps its old one. With `stored_now`, the key of a
    set on a single Redis, only messages whose ids are in it then are listed and delivered.
    """
    listed: dict[str, list[Listing]] = {}
    outgoing: dict[str, list[str | bytes]] = {}
    for listing in listings:
        listed.setdefault(listing.person, []).append(listing)
    for channel, people, member, data, request_id in frames:
        origin, after = request_id or tracing.request_id(), b"\n" + data
        for person in people:
            parts = (channel, member, envelope_head((person,), origin), after)
            outgoing.setdefault(person, []).extend(parts)
    settings = stores.settings
    head = [settings.resume_limit, settings.resume_days * 86_400, int(not reposition), UNREAD_LIMIT, BATCH_BYTES]
    head.append(int(bool(stored_now)))
    pipe = stores.redis.pipeline(transaction=False) if client is None else client
    if outgoing:  # first, so that what is delivered by the following is known since then
        stores.scripts.begin_deliveries(keys=[keys.DELIVERY_SINCE], client=pipe)
    for person in dict.fromkeys([*listed, *outgoing]):
        own = listed.get(person, [])
        script_keys = [
            keys.deliveries_key(person),
            keys.conversations_key(person),
            keys.read_key(person),
            keys.unwanted_key(person),
        ]
        script_keys += [keys.inbox_key(person, each.partner) for each in own if each.is_unread]
        script_keys += [stored_now] if stored_now else []
        arguments: list[str | bytes | int] = [*head, len(own)]
        for _, partner, moment, message_id, is_unread, read in own:
            arguments += (partner, moment, message_id, "1" if is_unread else "", read)
        arguments += outgoing.get(person, [])
        stores.scripts.update_person(keys=script_keys, args=arguments, client=pipe)
    if client is None and pipe.command_stack:
        execute(pipe)


def was_delivered(stores: Stores, frame: Frame) -> bool:
    """Whether both people were given this frame, as far as Redis keeps what was delivered. One round trip."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for person in frame.people:
            pipe.zscore(keys.deliveries_key(person), frame.member)
        return None not in pipe.execute()


def announce_typing(stores: Stores, sender_id: str, receiver_id: str, *, recording: bool = False) -> None:
    """Tells the receiver that the sender is typing, or recording a voice message.

    Not kept: nobody cares who was typing while they were away.
    """
    data = wire.dumps({"senderId": sender_id, "recording": True} if recording else {"senderId": sender_id})
    stores.redis.publish(TYPING, encode_envelope((receiver_id,), data))


def announce_captions(stores: Stores, envelopes: Iterable[bytes]) -> None:
    """Publishes what was heard so far in a recording (`chat.frames.captions_envelopes`). Not kept either."""
    with stores.redis.pipeline(transaction=False) as pipe:
        for envelope in envelopes:
            pipe.publish(CAPTIONS, envelope)
        pipe.execute()


def announce(stores: Stores, frame: Frame) -> None:
    """Publish a frame that is not kept: a later one will say all that it says.

    In a cluster from each person's node, like the later one, so that it cannot be overtaken.
    """
    by_node: dict[Redis, list[str]] = {}
    with each_asked(stores.redis):
        for person in frame.people:
            by_node.setdefault(node_of(stores.redis, keys.deliveries_key(person)), []).append(person)
        for node, people in by_node.items():
            node.publish(frame.channel, encode_envelope(people, frame.data))


def missed_since(stores: Stores, user_id: str, position: int, limit: int) -> Page:
    """Returns the first frames, at most `limit`, delivered to this person after the one at `position`."""
    key = keys.deliveries_key(user_id)
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.zrange(key, f"({position}", "+inf", byscore=True, withscores=True, offset=0, num=limit)
        pipe.zcard(key)
        pipe.zrange(key, 0, 0, withscores=True)
        kept, count, oldest = pipe.execute()
    newest = int(kept[-1][1]) if kept else position
    trimmed = count >= stores.settings.resume_limit and int(oldest[0][1]) > position
    return Page(_frames(stores, [member.decode() for member, _ in kept]), newest, len(kept) >= limit, not trimmed)


def position_now(stores: Stores) -> int:
    """The position that a frame delivered now would have. Later ones are higher, unless two nodes' clocks differ."""
    return clock.now_us(stores.redis)


def kept_since(stores: Stores) -> int:
    """The position since which Redis has kept what was delivered; it changes when Redis is lost. One round trip."""
    return int(stores.scripts.begin_deliveries(keys=[keys.DELIVERY_SINCE]))


def reaches_back(stores: Stores, position: int) -> bool:
    """Whether Redis still knows everything delivered after that position, that is, was not lost since."""
    since = stores.redis.get(keys.DELIVERY_SINCE)
    return position == 0 or (since is not None and int(since) <= position)


def missed_after(stores: Stores, user_id: str, message_id: str, limit: int) -> Page:
    """Returns the first frames, at most `limit`, delivered to this person after that message.

    For a voice message this starts at the time it was accepted, since nobody knows which of its frames the client saw
    last. The same goes for a text whose delivery is unknown, for instance one seen in a page of history before it was
    delivered. That time is by another node's clock than positions are, so it starts `CLOCKS_APART` before. Then a frame
    may arrive twice, but none is missed.
    """
    key = keys.deliveries_key(user_id)
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.zmscore(key, [transcribing_member(message_id), message_id])
        pipe.zcard(key)
        (spoken, written), count = pipe.execute()
    if not ids.is_id(message_id):
        return Page([], 0, more=False, complete=False)
    full = count >= stores.settings.resume_limit
    is_voice = spoken is not None or (full and _is_voice(stores, message_id))
    known = None if is_voice else written
    position = int(known) if known is not None else max(0, ids.milliseconds(message_id) * 1000 - CLOCKS_APART)
    page = missed_since(stores, user_id, position, limit)
    complete = page.complete and reaches_back(stores, position)  # not so in an older copy of Redis that was restored
    if known is None:
        complete = complete and not _expired(stores, position)
    return page._replace(complete=complete)


def _is_voice(stores: Stores, message_id: str) -> bool:
    found = hot.read_messages(stores, [message_id])[0]
    return found is not None and found.get("audioFileId") is not None


def _expired(stores: Stores, position: int) -> bool:
    return position < clock.now_us(stores.redis) - stores.settings.resume_days * 86_400 * 1_000_000


def _frames(stores: Stores, members: list[str]) -> list[Missed]:
    """Rebuilds the frames from members of `keys.deliveries_key`, with each message as it is now."""
    wanted = sorted({message_id_of(member) for member in members})
    if not wanted:
        return []
    found = hot.read_messages(stores, wanted)
    messages = {stored["_id"]: wire.message(stored) for stored in found if stored}
    rebuilt = (rebuild(member, messages) for member in members)
    return [Missed(frame.channel, frame.data) for frame in rebuilt if frame is not None]
