"""How often somebody may do something: counted in Redis by `limits`, so over all processes and restarts.

Messages are counted where they are accepted (`chat.messages.sending`).

With Redis away nothing is counted and everybody is let through: what the limits guard needs Redis itself.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
from flask import request
from limits import RateLimitItem, parse_many
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis import RedisError

from chat.errors import Forbidden, TooMany, Unauthorized
from chat.store import keys
from chat.store.connection import Stores
from web.clients import network

log = structlog.get_logger(__name__)

SIGN_UP = "too_many_sign_ups"
LOG_IN = "too_many_log_ins"
PASSWORD = "too_many_passwords"  # noqa: S105 (a code)

KNOWN_SECONDS = 30 * 86_400  # that an address counts as one its account is used from

Counted = list[tuple[list[RateLimitItem], tuple[str, ...]]]


class Limits:
    def __init__(self, stores: Stores) -> None:
        settings = stores.settings
        pool = stores.redis.connection_pool
        storage = RedisStorage("redis://", connection_pool=pool, key_prefix=keys.LIMITS)
        storage.storage = stores.redis  # which may be a cluster; `limits` would make a client of its own
        storage.initialize_storage("")
        self._redis = stores.redis
        self._limiter = FixedWindowRateLimiter(storage)
        self._sign_up = parse_many(settings.limit_signup_address)
        self._log_in_account = parse_many(settings.limit_login_account)
        self._log_in_account_total = parse_many(settings.limit_login_account_total)
        self._log_in_address = parse_many(settings.limit_login_address)

    def take_sign_up(self) -> None:
        """Raises TooMany."""
        self._consume(self._sign_up, SIGN_UP, "signup", address())

    @contextmanager
    def log_in(self, account: str) -> Iterator[None]:
        """Around one log-in. Raises TooMany after too many failed ones.

        They are counted for this account from this address, for this address with all accounts, and for this account
        from all addresses. The last limit is higher, since the owner would pay for the guesses of others, and it
        exempts addresses from which the account was used lately, so that nobody can lock the owner out.
        """
        here = address()
        counted: Counted = [
            (self._log_in_account, ("login-account", account, here)),
            (self._log_in_address, ("login-address", here)),
        ]
        if not self._is_known(account, here):
            counted.append((self._log_in_account_total, ("login-account", account)))
        with self._guess(counted, LOG_IN):
            yield
        self._remember(account, here)

    @contextmanager
    def own_password(self, user_id: str) -> Iterator[None]:
        """Around a call that needs one's password: a token somebody found must not help them to guess it."""
        with self._guess([(self._log_in_account, ("password", user_id))], PASSWORD):
            yield

    @contextmanager
    def _guess(self, counted: Counted, code: str) -> Iterator[None]:
        """Only a wrong guess counts: counted first and taken back, so that many at once cannot all slip through."""
        for items, key in counted:
            self._consume(items, code, *key)
        try:
            yield
        except (Unauthorized, Forbidden):
            raise
        except BaseException:  # a store that is away says nothing about the password
            self._give_back(counted)
            raise
        else:
            self._give_back(counted)

    def _is_known(self, account: str, here: str) -> bool:
        """Whether somebody has logged in to this account from here lately."""
        try:
            return bool(self._redis.exists(keys.known_address_key(account, here)))
        except RedisError:
            return False

    def _remember(self, account: str, here: str) -> None:
        with suppress(RedisError):
            self._redis.set(keys.known_address_key(account, here), 1, ex=KNOWN_SECONDS)

    def _consume(self, items: list[RateLimitItem], code: str, *key: str) -> None:
        try:
            for item in items:
                if not self._limiter.hit(item, *key):
                    reset = self._limiter.get_window_stats(item, *key).reset_time
                    raise TooMany(code, max(1, math.ceil(reset - time.time())))
        except RedisError as error:
            log.warning("limits.away", error=type(error).__name__)

    def _give_back(self, counted: Counted) -> None:
        try:
            for items, key in counted:
                for item in items:
                    self._limiter.hit(item, *key, cost=-1)
        except RedisError as error:
            log.warning("limits.away", error=type(error).__name__)


def address() -> str:
    """Whose request this is, as far as its address says; an IPv6 one counts as its /64."""
    return network(request.remote_addr or "unknown")
