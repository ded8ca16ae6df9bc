"""The bare stack: only Flask, flask-sock and Redis pub/sub, under the same gunicorn.

It passes a message on to the two people's sockets, without accounts, checks, storage or Celery. Its cost is the least
that any server made of these parts can have.
"""

import json
import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import gevent
from flask import Flask, Response, request
from flask_sock import Sock
from redis import Redis
from simple_websocket import Server

CHANNEL = "bare"


class Bare:
    def __init__(self) -> None:
        self._flask = Flask("bare")
        self._redis = Redis.from_url(os.environ["REDIS_URL"])
        self._sockets: dict[str, set[Server]] = defaultdict(set)
        self._flask.post("/api/signup")(self._sign_up)
        self._flask.post("/api/chat")(self._send)
        self._flask.get("/readyz")(lambda: Response("ready"))
        Sock(self._flask).route("/ws/")(self._serve)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        return self._flask(environ, start)

    def start(self) -> None:
        gevent.spawn(self._pass_on)

    def stop(self) -> None:
        """Does nothing; gunicorn's worker calls it."""

    def _sign_up(self) -> Response:
        name = secrets.token_hex(8)
        return Response(json.dumps({"user": {"_id": name}, "token": name}), content_type="application/json")

    def _send(self) -> tuple[Response, int]:
        message = request.get_json()
        message = {"senderId": request.headers["x-api-key"], **message}
        text = json.dumps(message, separators=(",", ":"))
        self._redis.publish(CHANNEL, f"{message['senderId']},{message['receiverId']}\n{text}")
        return Response(text, content_type="application/json"), 202

    def _serve(self, socket: Server) -> None:
        person = request.args["token"]
        self._sockets[person].add(socket)
        try:
            while True:
                socket.receive()
        finally:
            self._sockets[person].discard(socket)

    def _pass_on(self) -> None:
        pubsub = self._redis.pubsub(ignore_subscribe_messages=True)
        pubsub.subscribe(CHANNEL)
        for message in pubsub.listen():
            people, _, text = message["data"].decode().partition("\n")
            for person in people.split(","):
                for socket in list(self._sockets[person]):
                    socket.send(f"application:messages---{text}")


def create_app() -> Bare:
    return Bare()
