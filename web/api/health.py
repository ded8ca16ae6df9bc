"""Liveness, and readiness: whether the process can reach everything it needs."""

import time
from collections.abc import Callable
from contextlib import suppress

import gevent
import structlog
from flask import Blueprint, Response
from kombu.exceptions import OperationalError
from pymongo.errors import PyMongoError
from redis import Redis, RedisError

from chat import wire
from chat.errors import Unavailable
from chat.messages import search
from chat.store import keys
from chat.store.cluster import each_asked, key_on_each
from chat.store.connection import Stores
from web.services import services

log = structlog.get_logger(__name__)

PROBE_MS = 60_000  # how long the key lives that tells whether Redis takes writes

health = Blueprint("health", __name__)

SAMPLE_SECONDS = 1.0
CACHED_SECONDS = 0.5
AWAY = (RedisError, PyMongoError, OperationalError, OSError)


@health.get("/healthz")
def alive() -> Response:
    """Reports that the process is alive."""
    return Response(wire.dumps({"status": "alive"}), content_type="application/json")


@health.get("/readyz")
def ready() -> Response:
    """Reports that everything the process needs is reachable, or 503 with the names of what is missing.

    Warnings do not make it 503: a process that refuses new messages, since Redis is full, still serves everything else.
    """
    missing = _found.missing()
    if missing:
        raise Unavailable("not_ready", missing=", ".join(missing))
    memory = services().stores.memory
    document: dict[str, object] = {"status": "ready"}
    if memory.is_short:
        consequence = "new messages are refused" if memory.is_full else "new messages will be refused soon"
        document["warnings"] = [f"Redis has used {memory.last.share:.0%} of its memory: {consequence}."]
    return Response(wire.dumps(document), content_type="application/json")


def watch_memory(stores: Stores) -> None:
    """Samples Redis's memory; never returns."""
    while True:
        with suppress(RedisError):  # the last reading stays
            stores.memory.sample(stores.redis)
        gevent.sleep(SAMPLE_SECONDS)


class _Found:
    """What was missing a moment ago: asking the stores costs more than answering."""

    def __init__(self) -> None:
        self._missing: list[str] = []
        self._until = 0.0

    def missing(self) -> list[str]:
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + CACHED_SECONDS  # before asking, so that others do not ask meanwhile
            self._missing = [name for name, check in _checks().items() if not _passes(check)]
        return self._missing


_found = _Found()


def _checks() -> dict[str, Callable[[], object]]:
    own = services()
    return {
        "redis": lambda: _takes_writes(own.stores.redis),
        "search": lambda: search.ready(own.stores),
        # Changes nothing, but needs the right to: a MongoDB that only answers `ping` is of no use.
        "mongodb": lambda: own.stores.mongo.users.update_one({"_id": ""}, {"$set": {"probe": 1}}).acknowledged,
        "broker": own.queue.ping,
        "subscription": own.sockets.subscriber.ready.is_set,
    }


def _takes_writes(redis: Redis) -> bool:
    with each_asked(redis):
        probes = key_on_each(redis, keys.write_probe_key)
        return all(node.set(key, 1, px=PROBE_MS) for node, key in probes.items())


def _passes(check: Callable[[], object]) -> bool:
    try:
        return bool(check())
    except AWAY:
        return False
    except Exception:
        log.exception("readiness.failed")
        return False
