"""Sending a message over the socket: what `POST /api/chat` does, by the same rules and limits, answered by a frame.

A client needs no second connection for it, and HTTP's headers cost more than the message.
"""

import secrets
from typing import Any

import structlog
from pydantic import ValidationError
from pymongo.errors import PyMongoError
from redis import RedisError

from chat import frames
from chat.errors import ChatError, TooMany, Unavailable
from chat.messages import sending
from chat.people.sessions import Session
from chat.tracing import traced
from web import errors, schemas
from web.api.messages import draft_of
from web.services import Services

log = structlog.get_logger(__name__)


def send(own: Services, session: Session, value: dict[str, Any]) -> bytes:
    """Accepts the message in `value` from whoever the session belongs to.

    Returns the frame for the socket it came over: `application:sent` with the message, or `application:refused` with a
    problem as HTTP has it, each with the `clientId` of `value`.
    """
    request_id = secrets.token_hex(8)
    with traced(request_id):
        try:
            draft = draft_of(_validated(value), session.user_id)
            message = sending.accept(own.stores, draft, own.queue.wake_drainer, session)
        except ChatError as error:
            return _refused(value, error, request_id)
        except (RedisError, PyMongoError) as error:
            log.warning("store.away", error=type(error).__name__, frame="send")
            return _refused(value, errors.STORE_AWAY, request_id)
        return frames.sent_frame(message)


def _refused(value: dict[str, Any], error: ChatError, request_id: str) -> bytes:
    problem = errors.document(error, request_id)
    if isinstance(error, TooMany | Unavailable):
        problem["retryAfter"] = error.retry_after  # seconds; a frame has no headers
    return frames.refused_frame(_client_id(value), problem)


def _validated(value: dict[str, Any]) -> schemas.NewMessage:
    try:
        return schemas.NewMessage.model_validate(value)
    except ValidationError as error:
        errors.refuse_invalid(error)


def _client_id(value: dict[str, Any]) -> str | None:
    """The `clientId`, unless it is not one that a message could have."""
    given = value.get("clientId")
    return given if isinstance(given, str) and len(given) <= sending.CLIENT_ID_LIMIT else None
