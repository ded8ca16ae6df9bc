"""Liveness, and readiness: whether the process can reach everything it needs."""

from collections.abc import Callable

from flask import Blueprint, Response
from kombu.exceptions import OperationalError
from pymongo.errors import PyMongoError
from redis import RedisError

from chat import wire
from chat.errors import Unavailable
from chat.messages import search
from web.services import services

health = Blueprint("health", __name__)

AWAY = (RedisError, PyMongoError, OperationalError, OSError)


@health.get("/healthz")
def alive() -> Response:
    """Reports that the process is alive."""
    return Response(wire.dumps({"status": "alive"}), content_type="application/json")


@health.get("/readyz")
def ready() -> Response:
    """Reports that everything the process needs is reachable, or 503 with the names of what is missing."""
    missing = [name for name, check in _checks().items() if not _passes(check)]
    if missing:
        raise Unavailable(f"Missing: {', '.join(missing)}.")
    return Response(wire.dumps({"status": "ready"}), content_type="application/json")


def _checks() -> dict[str, Callable[[], object]]:
    own = services()
    return {
        "redis": own.stores.redis.ping,
        "search": lambda: search.ready(own.stores),
        "mongodb": lambda: own.stores.mongo.client.admin.command("ping"),
        "broker": own.queue.ping,
        "subscription": own.sockets.subscriber.ready.is_set,
    }


def _passes(check: Callable[[], object]) -> bool:
    try:
        return bool(check())
    except AWAY:
        return False
