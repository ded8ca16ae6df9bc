"""Ours with one optimisation taken back, so that each shows what it is worth: `LEVER_OFF` names it.

gunicorn runs `bench.without:create_app()` and Celery `bench.without`: they change the running code, nothing on disk.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import workers.app
from chat import accepted, channels, wire
from chat.channels import Envelope
from web.app import Application
from web.app import create_app as create_ours
from web.sockets import connection, route
from web.sockets.hub import Hub

app = workers.app.app


def no_groups(_: Application | None) -> None:
    """Each message is stored, archived and published by itself."""
    accepted.GROUP = 1


def a_task_for_every_message(web: Application | None) -> None:
    """The web sends Celery a task for each message, and the task does not linger."""
    accepted.LINGER_ROUNDS = 1
    accepted.LINGER_MS = 1
    if web is not None:
        from chat import messages

        accept = messages.accept

        def accept_and_send(stores: Any, draft: Any, wake: Callable[[], None], *rest: Any) -> Any:
            answer = accept(stores, draft, wake, *rest)
            wake()
            return answer

        messages.accept = accept_and_send  # type: ignore[assignment]


def encode_for_every_socket(_: Application | None) -> None:
    """Each socket's frame is built anew."""

    def send(self: Hub, channel: str, envelope: Envelope) -> None:
        self.position = max(self.position, envelope.position)
        for user_id in envelope.recipients:
            for each in self.of(user_id):
                self.give(each, connection.encode(channels.frame(channel, envelope.data)), envelope.position)

    Hub.route = send  # type: ignore[method-assign]


def check_every_signature(web: Application | None) -> None:
    """The token's signature is checked on each request."""
    if web is not None:
        tokens = web.services.tokens
        tokens._decoded = tokens._decode  # type: ignore[assignment]


def standard_json(_: Application | None) -> None:
    """The standard library's JSON instead of orjson."""
    wire.dumps = lambda value: json.dumps(value, separators=(",", ":")).encode()


def ask_redis_on_every_heartbeat(_: Application | None) -> None:
    """A heartbeat is verified instead of compared."""
    take = route._Conversation._take

    def verify_and_take(self: Any, text: str) -> None:
        if text == self._connection.token:
            self._own.tokens.verify(text)
        take(self, text)

    route._Conversation._take = verify_and_take  # type: ignore[method-assign]


def _take_back(web: Application | None) -> None:
    """Every name of `bench.levers.LEVERS` is a function here."""
    if name := os.environ.get("LEVER_OFF"):
        globals()[name](web)


def create_app() -> Application:
    made = create_ours()
    _take_back(made)
    return made


_take_back(None)
