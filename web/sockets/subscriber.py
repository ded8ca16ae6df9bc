"""This process's one subscription to Redis. Pub/sub only wakes: what a broken subscription missed is fetched after.

Each frame has a position in the order of its person's deliveries (`chat.messages.delivery`), so what was missed is what
came after the newest one seen for that person.
"""

import random
import time
from typing import Any

import gevent
import structlog
from gevent.event import Event
from redis import Redis, RedisError

from chat import frames
from chat.messages import delivery
from chat.people import sessions
from chat.store.cluster import has_slots, nodes
from chat.store.connection import Stores, connect_redis
from web.sockets.bus import LOOK_SECONDS, UNNOTICED, Bus, State
from web.sockets.connection import REFUSED, Connection, encode
from web.sockets.hub import Hub
from web.sockets.people import People

log = structlog.get_logger(__name__)

MIN_PAUSE, MAX_PAUSE = 0.1, 2.0  # seconds between two attempts to subscribe
SILENCE_SECONDS = 15.0  # after which the connection is asked whether it lives


class Subscriber:
    def __init__(self, stores: Stores, hub: Hub, people: People) -> None:
        self._stores = stores
        self._hub = hub
        self._people = people
        self._pause = MIN_PAUSE
        self._kept_since = 0  # by the Redis that everybody here has caught up with
        self._whole_until = 0  # the position up to which all that was published has come, and when we look again
        self._look_again = 0.0
        self.ready = Event()  # set while subscribed

    def run(self) -> None:
        """Subscribe, and again whenever the subscription breaks; never returns."""
        while True:
            try:
                self._listen()
            except (RedisError, OSError) as error:
                log.warning("subscriber.lost", error=type(error).__name__)
            except Exception:
                log.exception("subscriber.failed")
            self.ready.clear()
            gevent.sleep(self._pause * (0.5 + random.random()))  # noqa: S311 (jitter)
            self._pause = min(MAX_PAUSE, self._pause * 2)

    def _listen(self) -> None:
        client: Redis = connect_redis(self._stores.settings, timeout=SILENCE_SECONDS * 2, retries=0)
        try:
            node = random.choice(nodes(client))  # noqa: S311 (each passes on what is published at any)
            with node.pubsub() as pubsub:
                pubsub.subscribe(*frames.SUBSCRIBED)
                self._wait_subscribed(pubsub)
                bus = Bus(node) if has_slots(client) else None
                self._catch_up()
                self.ready.set()
                self._pause = MIN_PAUSE
                self._pass_on(pubsub, bus)
        finally:
            client.close()

    def _wait_subscribed(self, pubsub: Any) -> None:
        for _ in frames.SUBSCRIBED:
            if pubsub.get_message(timeout=SILENCE_SECONDS) is None:
                raise RedisError("no answer to SUBSCRIBE")

    def _pass_on(self, pubsub: Any, bus: Bus | None) -> None:
        wait = SILENCE_SECONDS if bus is None else LOOK_SECONDS
        asked, heard_at = False, time.monotonic()
        while True:
            message = pubsub.get_message(timeout=wait)
            if message is None:
                asked = self._ask_whether_alive(pubsub, asked, time.monotonic() - heard_at)
            else:
                asked, heard_at = False, time.monotonic()
                if message["type"] == "message":
                    self._dispatch(message["channel"].decode(), message["data"])
            if bus is not None:
                self._look_at(bus)

    def _ask_whether_alive(self, pubsub: Any, asked: bool, silent: float) -> bool:
        """Asks the connection once it has been silent for long. Returns whether it was asked.

        Raises RedisError if it did not reply.
        """
        if asked and silent > 2 * SILENCE_SECONDS - LOOK_SECONDS:
            raise RedisError("the subscription is silent")
        if not asked and silent > SILENCE_SECONDS - LOOK_SECONDS:
            pubsub.ping()
            return True
        return asked

    def _look_at(self, bus: Bus) -> None:
        """Once a second: where a link of the cluster is another one, what was on the old one is fetched."""
        if time.monotonic() < self._look_again:
            return
        self._look_again = time.monotonic() + LOOK_SECONDS
        present, state = self._hub.present(), bus.look()
        if state is State.BROKEN:
            return
        if state is State.RENEWED:
            log.warning("subscriber.link_lost")
            self._catch_up(lost_after=self._whole_until - UNNOTICED)
            bus.accept()
        self._whole_until = present

    def _dispatch(self, channel: str, data: bytes) -> None:
        """Passes on what was published together. What cannot be read is left out, and the rest passed on."""
        unreadable: list[bytes] = []
        for envelope in frames.decode_envelopes(data, unreadable.append):
            try:
                if channel == frames.SESSIONS:
                    self._hub.end_sessions(envelope.data)
                elif channel == frames.USERS:
                    self._people.handle(envelope)
                else:
                    self._hub.route(channel, envelope)
            except (ValueError, KeyError, TypeError):
                log.exception("subscriber.unreadable", channel=channel)
        if unreadable:
            log.error("subscriber.unreadable", channel=channel, lines=len(unreadable))

    def _catch_up(self, lost_after: int | None = None) -> None:
        """To everybody connected what they missed while there was no subscription; revoked tokens' sockets go.

        With `lost_after`, there was one, but frames after that position may not have come through it.
        """
        since = delivery.kept_since(self._stores)
        now = delivery.position_now(self._stores)  # what is delivered later comes through the subscription as well
        if self._kept_since:
            for user_id in self._hub.people():
                self._catch_up_person(user_id, since, now, lost_after)
            self._people.report_all()
        # In a Redis that is another one than before, the clock may be behind the positions from before.
        self._hub.newest = max(self._hub.newest, now) if since == self._kept_since else now
        self._hub.set_clock(now)
        self._whole_until = now
        self._kept_since = since  # last: should Redis go away meanwhile, the next time tells everybody

    def _catch_up_person(self, user_id: str, since: int, now: int, lost_after: int | None) -> None:
        settings, position = self._stores.settings, self._hub.position(user_id)
        if lost_after is not None:
            position = min(position, lost_after)
        is_same = since == self._kept_since
        whole = is_same or since <= position
        missed = delivery.missed_since(self._stores, user_id, position, settings.resume_limit)
        encoded = b"".join(encode(frames.frame(each.channel, each.data)) for each in missed.frames)
        if len(encoded) > settings.socket_queue_bytes:  # each of their sockets would have to hold it
            encoded, whole = b"", False
        if not (whole and missed.complete):
            encoded += encode(frames.frame(frames.RESUME, b'{"complete":false}'))
        for connection in self._hub.of(user_id):
            if not self._is_valid(connection):
                connection.end(REFUSED, "token revoked")
            elif encoded:
                self._hub.give(connection, encoded, missed.newest)
        # Or whoever is quiet would get the same again after every loss.
        self._hub.caught_up(user_id, max(missed.newest if is_same else 0, now - delivery.CLOCKS_APART))

    def _is_valid(self, connection: Connection) -> bool:
        return sessions.is_valid(self._stores, connection.user_id, connection.token_id, connection.issued_ms)
