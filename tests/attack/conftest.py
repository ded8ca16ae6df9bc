"""The running system, attacked on a small scale; and a web process with limits small enough for tests to reach."""

import pytest

from tests.attack.attacker import Bystander
from tests.client import Client
from tests.contract.conftest import MakeWeb, Web, ada, ben, connect, eve, make_web, server
from tests.stack import Stack

__all__ = ["ada", "ben", "connect", "eve", "make_web", "server"]

# `X-Forwarded-For` sets the address a request comes from, so that tests do not use up each other's limits.
SMALL = {
    "TRUSTED_PROXIES": "1",
    "CONNECTIONS_PER_ADDRESS": "12",
    "SOCKETS_PER_ADDRESS": "6",
    "SOCKETS_PER_PERSON": "4",
    "SOCKETS_UNPROVEN": "5",
    "SOCKET_AUTH_TIMEOUT": "3",
    "SOCKET_FRAMES": "20",
    "SOCKET_BYTES": "65536",
    "SOCKET_PINGS": "10",
    "SOCKET_PATIENCE": "2",
    "SOCKET_QUEUE_BYTES": "100000",
    "SOCKET_SEND_TIMEOUT": "1",
    "SOCKET_RESUME_INTERVAL": "1",
    "REQUEST_HEADER_TIMEOUT": "1",
    "REQUEST_BODY_TIMEOUT": "1",
    "REQUEST_BODY_RATE": "100000",
    "RESPONSE_TIMEOUT": "1",
    "LIMIT_LOGIN_ACCOUNT": "3 per 10 minute",
    "LIMIT_LOGIN_ACCOUNT_TOTAL": "6 per 10 minute",
    "LIMIT_LOGIN_ADDRESS": "9 per 10 minute",
    "LIMIT_SIGNUP_ADDRESS": "3 per 10 minute",
}


@pytest.fixture(scope="package")
def small(make_web: MakeWeb) -> Web:
    """A web process behind a proxy, with the limits of `SMALL`."""
    web = make_web("web-small", SMALL)
    web.wait()
    return web


@pytest.fixture
def bystander(stack: Stack, ada: object, ben: object) -> Bystander:
    """A person who chats on the usual process while it is attacked."""
    return Bystander(stack, ada, ben)


@pytest.fixture(scope="module")
def outside(small: Web) -> Client:
    return small.client


@pytest.fixture
def stack_url(stack: Stack) -> str:
    return stack.url
