"""Access tokens: JWTs by flask-jwt-extended, which say who somebody is and when they logged in.

The signature of a token is checked once and remembered, since that never changes; whether it has expired or was
revoked is looked at each time.
"""

import time
from collections.abc import Callable
from functools import lru_cache

from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import PyJWTError

from chat.people import sessions
from chat.people.sessions import Beside, Session
from chat.store import clock
from chat.store.connection import Stores
from chat.store.limits import Counted

MAX_TOKEN_BYTES = 2_048  # ours have about 350
REMEMBERED = 20_000  # tokens; the least recently used goes first
ISSUED = "ms"  # claim: when it was issued, in milliseconds by Redis's clock, to tell whether it came before an ending


class Tokens:
    def __init__(self, app: Flask, stores: Stores) -> None:
        settings = stores.settings
        app.config.update(
            JWT_SECRET_KEY=settings.secret_key.get_secret_value(),
            JWT_ACCESS_TOKEN_EXPIRES=settings.token_lifetime,
            JWT_ALGORITHM="HS256",
            JWT_DECODE_LEEWAY=sessions.CLOCK_LEEWAY,
            JWT_HEADER_NAME="x-api-key",
            JWT_HEADER_TYPE="",
        )
        JWTManager(app)
        self._app = app
        self._stores = stores
        self._decoded = lru_cache(maxsize=REMEMBERED)(self._decode)

    def issue(self, user_id: str) -> str:
        issued = clock.now_ms(self._stores.redis)
        with self._app.app_context():
            return str(create_access_token(user_id, additional_claims={ISSUED: issued}))

    def read(self, token: str) -> Session:
        """What a token says, if it is ours and has not expired. Raises Unauthorized."""
        if len(token) > MAX_TOKEN_BYTES:
            raise sessions.refusal()
        session = self._decoded(token)
        if session.expires <= time.time():
            raise sessions.refusal()
        return session

    def verify(
        self, token: str, counted: Callable[[str], Counted | None] = lambda _: None, beside: Beside | None = None
    ) -> Session:
        """The same, if it has not been revoked either; asks Redis, also for what `beside` asks. Raises Unauthorized."""
        session = self.read(token)
        user_id, token_id, issued_ms, _ = session
        if not sessions.is_valid(self._stores, user_id, token_id, issued_ms, counted(user_id), beside):
            raise sessions.refusal()
        return session

    def _decode(self, token: str) -> Session:
        try:
            with self._app.app_context():
                claims = decode_token(token)
            return Session(str(claims["sub"]), str(claims["jti"]), int(claims[ISSUED]), int(claims["exp"]))
        except (PyJWTError, JWTExtendedException, KeyError, TypeError, ValueError):
            raise sessions.refusal() from None
