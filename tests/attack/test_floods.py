"""A connection that floods the server is slowed, then closed, and nobody else notices."""

import contextlib
import threading

import pytest

from tests.attack.attacker import SECONDS, Bystander, Http, address, flood, xff
from tests.client import Client, Person
from tests.contract.conftest import Web
from tests.contract.raw import BINARY, CONTINUATION, PING, PONG, TEXT, RawSocket

MASK = bytes(4)
EMPTY_PINGS = (b"\x89\x80" + MASK) * 2_000
PONGS = (b"\x8a\x80" + MASK) * 2_000
JUNK = (b"\x81\x84" + MASK + b"junk") * 1_000
EMPTY_TEXTS = (b"\x81\x80" + MASK) * 2_000
EMPTY_CONTINUATIONS = (b"\x00\x80" + MASK) * 2_000
BEGINNING = b"\x01\x80" + MASK
LARGE = (b"\x82\xfe\xff\x00" + MASK + bytes(0xFF00)) * 4


def opened(person: Person | None, url: str) -> RawSocket:
    return RawSocket(url, f"/ws/?token={person.token}" if person else "/ws/")


FLOODS = {
    "empty pings without a token": (False, EMPTY_PINGS),
    "empty pings": (True, EMPTY_PINGS),
    "pongs nobody asked for": (True, PONGS),
    "junk texts": (True, JUNK),
    "junk texts without a token": (False, JUNK),
    "empty texts": (True, EMPTY_TEXTS),
    "frames of 64 KB": (True, LARGE),
}


@pytest.mark.parametrize(("proved", "data"), FLOODS.values(), ids=FLOODS)
def test_a_flood_over_a_socket_holds_nobody_up(bystander: Bystander, ada: Person, proved: bool, data: bytes) -> None:
    with opened(ada if proved else None, ada.client.url) as socket:
        bystander.chat_during(lambda: flood(socket.socket, data))


def test_a_flood_of_continuations_holds_nobody_up(bystander: Bystander, ada: Person) -> None:
    with opened(ada, ada.client.url) as socket:
        socket.socket.sendall(BEGINNING)
        bystander.chat_during(lambda: flood(socket.socket, EMPTY_CONTINUATIONS))


def test_many_floods_at_once_hold_nobody_up(bystander: Bystander, ada: Person) -> None:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(opened(ada, ada.client.url)) for _ in range(20)]
        attacks = [lambda each=each: flood(each.socket, EMPTY_PINGS) for each in sockets]
        bystander.chat_during(*attacks)


PIPELINED = {
    "health": "/healthz",
    "a page": "/",
    "an unknown path": "/api/nothing",
    "without a token": "/api/user/me",
}


@pytest.mark.parametrize("path", PIPELINED.values(), ids=PIPELINED)
def test_requests_pipelined_on_one_connection_hold_nobody_up(bystander: Bystander, ada: Person, path: str) -> None:
    with Http(ada.client.url) as http:
        reader = threading.Thread(target=drain, args=(http,), daemon=True)
        reader.start()
        request = f"GET {path} HTTP/1.1\r\nHost: {http.host}\r\n\r\n".encode()
        bystander.chat_during(lambda: flood(http.socket, request * 100))


def test_pipelined_requests_whose_answers_nobody_reads_hold_nobody_up(bystander: Bystander, ada: Person) -> None:
    with Http(ada.client.url) as http:
        request = f"GET / HTTP/1.1\r\nHost: {http.host}\r\n\r\n".encode()
        bystander.chat_during(lambda: flood(http.socket, request * 100))


def drain(http: Http) -> None:
    with contextlib.suppress(OSError):
        while True:
            try:
                if not http.socket.recv(65_536):
                    return
            except TimeoutError:
                continue


# --- What happens to the sender, with small limits

ABUSE = {
    "pings": (PING, b"", 2_000),
    "pongs": (PONG, b"", 2_000),
    "texts": (TEXT, b"junk", 2_000),
    "binary": (BINARY, b"", 2_000),
    "bytes": (BINARY, bytes(60_000), 40),
}


@pytest.mark.parametrize(("code", "payload", "count"), ABUSE.values(), ids=ABUSE)
def test_more_than_a_person_sends_is_1008(small: Web, client: Client, code: int, payload: bytes, count: int) -> None:
    with RawSocket.of(small.seen_by(client.sign_up()), more=xff(address())) as socket:
        with contextlib.suppress(OSError):
            for _ in range(count):
                socket.send(payload, code)
        assert socket.close_code() == 1008


def test_more_continuations_than_a_person_sends_is_1008(small: Web, client: Client) -> None:
    with RawSocket.of(small.seen_by(client.sign_up()), more=xff(address())) as socket:
        socket.send(b"", TEXT, final=False)
        with contextlib.suppress(OSError):
            for _ in range(2_000):
                socket.send(b"", CONTINUATION, final=False)
        assert socket.close_code() == 1008


def test_who_stays_ahead_of_their_budget_is_1008_though_they_are_slowed(small: Web, client: Client) -> None:
    with RawSocket.of(small.seen_by(client.sign_up()), more=xff(address())) as socket:
        sender = threading.Thread(target=flood, args=(socket.socket, b"\x81\x84" + MASK + b"junk", 15), daemon=True)
        sender.start()
        assert socket.close_code(15) == 1008
        socket.socket.close()
        sender.join(20)


def test_a_burst_is_slowed_and_not_closed(small: Web, client: Client) -> None:
    """Twenty a second and bursts of eighty are allowed there: a hundred take a second longer, and all arrive."""
    with RawSocket.of(small.seen_by(client.sign_up()), more=xff(address())) as socket:
        for _ in range(100):
            socket.send(b'{"type": "typing", "receiverId": "x"}')
        assert socket.answers()


def test_a_socket_that_pings_and_proves_nothing_is_closed_in_time(small: Web) -> None:
    with RawSocket(small.client.url, "/ws/", more=xff(address())) as socket:
        sender = threading.Thread(target=slowly_ping, args=(socket,), daemon=True)
        sender.start()
        assert socket.close_code(10) == 4401
        sender.join(10)


def slowly_ping(socket: RawSocket) -> None:
    """Sends five pings a second, which is within the limit."""
    ended = threading.Event()
    with contextlib.suppress(OSError):
        for _ in range(int(5 * max(SECONDS, 5))):
            socket.send(b"", PING)
            ended.wait(0.2)
