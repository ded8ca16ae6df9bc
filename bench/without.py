"""The application without one optimisation, named by `LEVER_OFF`, to measure what each is worth.

gunicorn runs `bench.without:create_app()`, Celery runs `bench.without`. They change the running code, nothing on disk.
"""

import json
import os
from collections.abc import Callable
from typing import Any

from celery.signals import worker_process_init
from limits import parse_many
from redis.client import Pipeline

import workers.app
from chat import frames, wire
from chat.frames import Envelope
from chat.messages import archiving, draining, sending, storing
from chat.people import sessions
from chat.store import hot
from chat.store.scripts import execute
from chat.store.together import Together
from web import bodies
from web.app import Application
from web.app import create_app as create_ours
from web.sockets import connection, hub, people, route
from web.sockets.hub import Hub

app = workers.app.app


def no_groups(_: Application | None) -> None:
    """Stores, archives and publishes each message by itself."""
    draining.GROUP = 1


def a_task_for_every_message(web: Application | None) -> None:
    """Sends Celery a task for each message, and the task does not linger."""
    draining.LINGER_ROUNDS = 1
    draining.LINGER_MS = 1
    if web is not None:
        accept = sending.accept

        def accept_and_send(stores: Any, draft: Any, wake: Callable[[], None], *rest: Any) -> Any:
            answer = accept(stores, draft, wake, *rest)
            wake()
            return answer

        sending.accept = accept_and_send  # type: ignore[assignment]


def encode_for_every_socket(_: Application | None) -> None:
    """Builds each frame again for every socket."""

    def send(self: Hub, channel: str, envelope: Envelope) -> None:
        self.note(envelope)
        for user_id in envelope.recipients:
            for each in self.of(user_id):
                self.give(each, connection.encode(frames.frame(channel, envelope.data)), envelope.position)

    Hub.route = send  # type: ignore[method-assign]


def check_every_signature(web: Application | None) -> None:
    """Checks the token's signature on each request."""
    if web is not None:
        tokens = web.services.tokens
        tokens._decoded = tokens._decode  # type: ignore[assignment]


class _StandardJson:
    """Stands in for orjson."""

    JSONDecodeError = json.JSONDecodeError

    @staticmethod
    def dumps(value: object) -> bytes:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

    @staticmethod
    def loads(text: str | bytes) -> Any:
        return json.loads(text)


def standard_json(_: Application | None) -> None:
    """Uses the standard library's JSON instead of orjson for every message and frame."""
    for module in (wire, hot, sending, storing, bodies, hub, people, route):
        vars(module)["orjson"] = _StandardJson


def parse_every_heartbeat(_: Application | None) -> None:
    """Decodes a heartbeat to text before comparing it."""
    connection.is_heartbeat = lambda data, token: False  # type: ignore[attr-defined]


def ask_redis_on_every_heartbeat(_: Application | None) -> None:
    """Verifies a heartbeat's token instead of comparing it."""
    parse_every_heartbeat(_)
    handle = route._Conversation._handle

    def verify_and_handle(self: Any, text: str) -> None:
        if text == self._connection.token:
            self._own.tokens.verify(text)
        handle(self, text)

    route._Conversation._handle = verify_and_handle  # type: ignore[method-assign]


def three_round_trips_to_accept(web: Application | None) -> None:
    """Checks the session and a limit in round trips of their own before accepting the message."""
    if web is None:
        return
    accept, limits = sending.accept, web.services.limits
    items = parse_many("1000000 per second")

    def accept_apart(stores: Any, draft: Any, wake: Callable[[], None], session: Any = None) -> Any:
        if session is not None and not sessions.is_valid(stores, *session[:3]):
            raise sessions.refusal()
        limits._consume(items, "Too many messages.", "apart", draft.sender_id)
        return accept(stores, draft, wake, None)

    sending.accept = accept_apart


def a_round_trip_for_every_message(_: Application | None) -> None:
    """Accepts each message in a round trip of its own, on a connection of its own."""

    def run(self: Together, add: Callable[[Pipeline], None]) -> list[Any]:
        with self._redis.pipeline(transaction=False) as pipe:
            add(pipe)
            return execute(pipe)

    Together.run = run  # type: ignore[method-assign]


def a_greenlet_for_every_frame(_: Application | None) -> None:
    """Writes no frame directly: each goes through its socket's queue and writer."""
    connection.Connection._written_at_once = lambda *_: 0  # type: ignore[method-assign]


def a_round_trip_between_storing_and_delivering(_: Application | None) -> None:
    """Waits until a group is stored, as in a cluster, before it is delivered."""
    draining._Drainer._may_go_at_once = lambda *_: False  # type: ignore[method-assign]


def archive_before_delivering(web: Application | None) -> None:
    """Sends a frame only once MongoDB has the message too."""
    a_round_trip_between_storing_and_delivering(web)
    store_hot, archive = storing.store_hot, archiving.archive.store

    def store_both(stores: Any, documents: Any) -> Any:
        stored = store_hot(stores, documents)
        archive(stores, [each.message for each in stored])
        return stored

    storing.store_hot = store_both  # type: ignore[assignment]
    archiving.archive.store = lambda *_: None  # type: ignore[method-assign]


def tell_presence_at_once(_: Application | None) -> None:
    """Does not wait when people reload their page: everybody is told that they leave and come back."""
    people.TICK = 0.01
    people.LEAVE_SECONDS = 0.0


def _take_back(web: Application | None) -> None:
    """Takes one optimisation back; every name in `bench.levers.LEVERS` is a function here. Called once per process."""
    if name := os.environ.get("LEVER_OFF"):
        globals()[name](web)


def create_app() -> Application:
    made = create_ours()
    _take_back(made)
    return made


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _begin_worker(**_: Any) -> None:
    _take_back(None)
