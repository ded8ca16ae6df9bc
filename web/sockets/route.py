"""The WebSocket `/ws/`: who may open it, and what clients may send.

Only a message to send is answered, also if it is refused. What nobody understands is ignored and counted.
"""

import time
from collections.abc import Callable
from typing import Any

import flask_sock
import gevent
import orjson
import structlog
from flask import Flask, Response, request
from pymongo.errors import PyMongoError
from redis import RedisError
from wsproto.utilities import RemoteProtocolError

from chat import ids
from chat.errors import ChatError, TooMany, Unauthorized, Unavailable
from chat.messages import delivery
from chat.people.sessions import Session
from config.settings import Settings
from web.errors import problem
from web.limits import address
from web.services import Services, services
from web.sockets.budget import Rates
from web.sockets.connection import (
    ABUSED,
    FAILED,
    GOING,
    REFUSED,
    Connection,
    QueuedBytes,
    SocketLimits,
    encode,
)
from web.sockets.resuming import resume
from web.sockets.sending import send

log = structlog.get_logger(__name__)

STORE_AWAY = (RedisError, PyMongoError)
ENDPOINT = "socket"
RETRY_SECONDS = 10  # for a client whose handshake was refused
TYPING_SECONDS = 1.0  # announced no more often than this, by one socket
TOKEN_START = "eyJ"  # noqa: S105 (every JWT begins so, and no JSON does)
SUBSCRIPTION_SECONDS = 5.0  # a socket waits for this process's subscription, without which it would miss frames


def install(app: Flask, settings: Settings) -> None:
    flask_sock.Server = Connection  # flask-sock offers no other way to choose the class
    app.config["SOCK_SERVER_OPTIONS"] = {"limits": _limits(settings)}  # what flask-sock gives to each `Connection`
    sock = flask_sock.Sock(app)
    sock.route("/ws/", strict_slashes=False, endpoint=ENDPOINT)(_serve)
    app.before_request(_refuse_a_crowd)
    app.register_error_handler(RemoteProtocolError, _refuse_handshake)


def _limits(settings: Settings) -> SocketLimits:
    return SocketLimits(
        rates=Rates(settings.socket_frames, settings.socket_bytes, settings.socket_pings, settings.socket_patience),
        queue_frames=settings.socket_queue_frames,
        queue_bytes=settings.socket_queue_bytes,
        queued=QueuedBytes(settings.sockets_queue_bytes),
        send_seconds=settings.socket_send_timeout,
    )


def _refuse_a_crowd() -> None:
    """Before the handshake, since each socket costs something from then on.

    Raises:
        TooMany: this address has as many sockets as it may.
        Unavailable: too many sockets, of whomever, have not said yet whose they are.
    """
    if request.endpoint != ENDPOINT:
        return
    own = services()
    if own.sockets.by_address.is_full(address()):
        raise TooMany("too_many_sockets", RETRY_SECONDS)
    if own.sockets.unproven >= own.settings.sockets_unproven:
        raise Unavailable("sockets_waiting", RETRY_SECONDS)


def _serve(connection: Connection) -> None:
    own = services()
    from_address = address()
    own.sockets.by_address.enter(from_address)
    try:
        _Conversation(own, connection, request.args.get("token")).run()
    except Exception:
        # flask-sock would let Flask write an HTTP error into the socket.
        log.exception("socket.failed")
        connection.end(FAILED)
    finally:
        own.sockets.by_address.leave(from_address)


def _refuse_handshake(_: Exception) -> Response:
    response = problem(ChatError(sentence="no_handshake"))
    response.headers["Sec-WebSocket-Version"] = "13"
    return response


class _Conversation:
    """One socket from its first text to its last."""

    def __init__(self, own: Services, connection: Connection, token: str | None) -> None:
        self._own = own
        self._hub = own.sockets.hub
        self._connection = connection
        self._token = token
        self._typed = 0.0
        self._may_resume_at = 0.0
        self._kinds: dict[str, Callable[[dict[str, Any]], None]] = {
            "send": self._send,
            "typing": self._typing,
            "resume": self._resume,
        }

    def run(self) -> None:
        connection = self._connection
        texts = connection.texts()
        if self._hub.shut:
            connection.end(GOING, "restarting")
        else:
            self._prove(texts)
        try:
            for text in texts:
                if not connection.closing:
                    self._handle(text)
        finally:
            if connection.user_id:
                self._hub.remove(connection)

    def _prove(self, texts: Any) -> None:
        self._own.sockets.unproven += 1
        try:
            self._admit(self._token if self._token is not None else self._first(texts))
        finally:
            self._own.sockets.unproven -= 1

    def _first(self, texts: Any) -> str:
        """The first text, '' when none comes in time."""
        late = gevent.spawn_later(
            self._own.settings.socket_auth_timeout, self._connection.end, REFUSED, "no token in time"
        )
        try:
            return str(next(texts, ""))
        finally:
            late.kill(block=False)

    def _admit(self, token: str) -> None:
        connection = self._connection
        if not self._own.sockets.subscriber.ready.wait(SUBSCRIPTION_SECONDS):
            connection.end(GOING, "try again")
            return
        try:
            session = self._own.tokens.verify(token)
        except Unauthorized:
            connection.end(REFUSED, "token refused")
            return
        except STORE_AWAY:
            connection.end(GOING, "try again")
            return
        if len(self._hub.of(session.user_id)) >= self._own.settings.sockets_per_person:
            connection.end(ABUSED, "too many sockets")
            return
        self._trust(token, session)
        self._hub.add(connection)

    def _trust(self, token: str, session: Session) -> None:
        connection = self._connection
        connection.user_id = session.user_id
        connection.token, connection.token_id = token, session.token_id
        connection.issued_ms, connection.expires = session.issued_ms, session.expires

    def _handle(self, text: str) -> None:
        if text == self._connection.token:  # a heartbeat that came in pieces; a revoked token has closed this socket
            return
        try:
            if text.startswith(TOKEN_START):
                self._renew(text)
            else:
                self._handle_json(text)
        except STORE_AWAY as error:
            log.warning("socket.store_away", error=type(error).__name__)

    def _handle_json(self, text: str) -> None:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = None
        kind = self._kinds.get(str(value.get("type"))) if isinstance(value, dict) else None
        if kind is None:
            self._own.sockets.ignored += 1
        else:
            kind(value)

    def _renew(self, token: str) -> None:
        """Another token of the same person keeps the socket open longer."""
        try:
            session = self._own.tokens.verify(token)
        except Unauthorized:
            self._connection.end(REFUSED, "token refused")
            return
        if session.user_id == self._connection.user_id:
            self._trust(token, session)
        else:
            self._connection.end(REFUSED, "another person's token")

    def _send(self, value: dict[str, Any]) -> None:
        connection = self._connection
        session = Session(connection.user_id, connection.token_id, connection.issued_ms, int(connection.expires))
        connection.push(encode(send(self._own, session, value)))

    def _typing(self, value: dict[str, Any]) -> None:
        receiver = value.get("receiverId")
        now = gevent.get_hub().loop.now()
        if isinstance(receiver, str) and ids.is_id(receiver) and now - self._typed >= TYPING_SECONDS:
            self._typed = now
            recording = value.get("recording") is True
            delivery.announce_typing(self._own.stores, self._connection.user_id, receiver, recording=recording)

    def _resume(self, value: dict[str, Any]) -> None:
        """Send what was missed. Who asks again too soon has to wait, and what they say next waits with it."""
        connection = self._connection
        gevent.sleep(max(0.0, self._may_resume_at - time.monotonic()))
        after = value.get("after")
        try:
            resume(self._own.stores, connection, after if isinstance(after, str) else "")
        except STORE_AWAY as error:  # who comes back resumes again
            log.warning("socket.not_resumed", error=type(error).__name__)
            connection.end(GOING, "try again")
        self._may_resume_at = time.monotonic() + self._own.settings.socket_resume_interval
