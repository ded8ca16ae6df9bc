"""Clients that never finish a request, or never read a response, are limited in time and in memory."""

import contextlib
import dataclasses
import json
import socket
import time
from dataclasses import dataclass

import pytest
import requests

from tests.attack.attacker import SECONDS, Bystander, Http, address, forwarded, xff
from tests.client import Client, Person
from tests.contract.conftest import MakeWeb, Web, eventually
from tests.contract.raw import HANDSHAKE, RawSocket, read_answer

JSON = "Content-Type: application/json\r\n"


def still_sending(http: Http, piece: str, seconds: float = 8) -> bool:
    """Whether the server still accepts a piece every tenth of a second after so long."""
    until = time.monotonic() + seconds
    http.socket.settimeout(0.1)
    while time.monotonic() < until:
        with contextlib.suppress(TimeoutError):
            http.send(piece)
            if not http.socket.recv(65_536, socket.MSG_PEEK):
                return False
            return False  # an answer, which is the server's last word
    return True


def test_headers_that_never_end_are_408(small: Web) -> None:
    with Http(small.client.url) as http:
        http.send("GET /healthz HTTP/1.1\r\nX-Slow: ")
        with contextlib.suppress(OSError):
            assert not still_sending(http, "x")
        http.socket.settimeout(10)
        assert http.status() == 408


def test_a_connection_on_which_nothing_comes_is_closed(small: Web) -> None:
    with Http(small.client.url) as http:
        assert http.everything() == b""


def test_headers_without_end_are_refused_by_their_size(stack_url: str) -> None:
    with Http(stack_url) as http:
        http.send("GET /healthz HTTP/1.1\r\n")
        with contextlib.suppress(OSError):
            for number in range(50):
                http.send(f"X-Filler-{number}: {'x' * 4_000}\r\n")
        answer = http.everything()
        assert not answer or b" 431 " in answer.split(b"\r\n")[0]


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 1000\r\n",
        "Transfer-Encoding: chunked\r\n",
    ],
)
def test_a_body_that_never_ends_is_408_and_the_connection_ends(small: Web, head: str) -> None:
    with Http(small.client.url) as http:
        http.request("/api/login", f"{JSON}{head}", "POST")
        http.send('3e8\r\n{"email": "' if "chunked" in head else '{"email": "')
        answer = http.everything()
        assert b" 408 " in answer.split(b"\r\n")[0]
        assert b"connection: close" in answer.lower()


def test_a_body_that_comes_slowly_and_steadily_is_cut_off_as_well(small: Web) -> None:
    with Http(small.client.url) as http:
        http.request("/api/login", f"{JSON}Content-Length: 100000\r\n", "POST")
        with contextlib.suppress(OSError):
            assert not still_sending(http, "x")
        http.socket.settimeout(10)
        assert b" 408 " in http.everything().split(b"\r\n")[0]


def test_a_large_upload_at_an_ordinary_pace_is_taken(client: Client, small: Web, ada: Person) -> None:
    """The limit there is a second, plus another for each 100 kB."""
    part = b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\n\r\n'
    body = part + b"x" * 500_000 + b"\r\n--b--\r\n"
    with Http(small.client.url) as http:
        more = f"Authorization: Bearer {ada.token}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        http.request("/api/upload", f"{more}Content-Length: {len(body)}\r\n", "POST")
        for start in range(0, len(body), 25_000):
            http.socket.sendall(body[start : start + 25_000])
            time.sleep(0.1)
        assert http.status() == 415  # it was read to its end, and then found to be no recording


def test_an_answer_nobody_reads_ends_its_connection(small: Web, client: Client) -> None:
    person = client.sign_up()
    with Http(small.client.url) as http:
        http.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        with contextlib.suppress(OSError):
            for _ in range(3_000):
                http.request("/api/docs/openapi.json", f"Authorization: Bearer {person.token}\r\n")
        eventually(lambda: ended(http), "the connection to end", 20)


def ended(http: Http) -> bool:
    http.socket.settimeout(0.5)
    try:
        http.send("GET / HTTP/1.1\r\n\r\n")
    except TimeoutError:
        return False
    except OSError:
        return True
    return False


def test_a_body_nobody_read_does_not_spoil_the_connection(client: Client) -> None:
    """The body is larger than headers may be, and smaller than what closes a connection."""
    with Http(client.url) as http:
        body = "x" * 100_000
        http.request("/api/chat", f"{JSON}Content-Length: {len(body)}\r\n", "POST")
        http.send(body)
        assert read_answer(http.socket)[0] == 401
        http.request("/healthz")
        assert read_answer(http.socket)[0] == 200


# --- A full process


@pytest.fixture(scope="module")
def narrow(make_web: MakeWeb) -> Web:
    """A web process that accepts sixteen connections."""
    web = make_web("web-narrow", {"WEB_CONNECTIONS": "16"})
    web.wait()
    return web


def test_a_full_process_answers_health_checks_and_tells_others_so(narrow: Web, ada: Person) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(RawSocket.of(narrow.seen_by(ada)))
        assert requests.get(f"{narrow.client.url}/healthz", timeout=10).status_code == 200
        assert requests.get(f"{narrow.client.url}/readyz", timeout=10).status_code == 200
        refused = requests.get(f"{narrow.client.url}/", timeout=10)
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) >= 1
    eventually(lambda: requests.get(f"{narrow.client.url}/", timeout=10).status_code == 200, "room again")


def test_connections_that_do_nothing_make_room_for_others(narrow: Web, ada: Person) -> None:
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(Http(narrow.client.url)) for _ in range(60)]
        assert len(idle) == 60
        eventually(lambda: requests.get(f"{narrow.client.url}/", timeout=10).status_code == 200, "room for others")
        assert requests.get(f"{narrow.client.url}/healthz", timeout=10).status_code == 200


# --- Many connections from one client


def admitted(person: Person) -> RawSocket | None:
    try:
        return RawSocket.of(person)
    except AssertionError:
        return None


def test_one_address_has_so_many_connections_and_others_are_not_counted_with_it(make_web: MakeWeb, ada: Person) -> None:
    web = make_web("web-crowded", {"CONNECTIONS_PER_ADDRESS": "5"})
    web.process.wait_ready(web.is_ready, 30)
    with contextlib.ExitStack() as stack:
        for _ in range(5):  # the first ones once the connections are gone that asked whether it is ready
            stack.enter_context(eventually(lambda: admitted(web.seen_by(ada)), "a connection to be admitted"))
        with Http(web.client.url) as refused:
            refused.request("/healthz")
            assert refused.status() == 429
    eventually(web.is_alive, "the address to be served again")


def test_behind_a_proxy_the_client_s_address_counts_and_not_the_proxy_s(make_web: MakeWeb) -> None:
    """All of these come over loopback. Their bodies never come, and this process waits for those as long as usual."""
    web = make_web("web-proxied", {"TRUSTED_PROXIES": "1", "CONNECTIONS_PER_ADDRESS": "12"})
    web.process.wait_ready(web.is_alive, 30)
    here, elsewhere = address(), address()
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            http = stack.enter_context(Http(web.client.url))
            http.request("/api/login", f"X-Forwarded-For: {here}\r\n{JSON}Content-Length: 10\r\n", "POST")
        eventually(lambda: status(web, here) == 429, "the address to be full")
        assert status(web, f"{here}, {elsewhere}") == 200  # what the client itself writes is ignored
        assert status(web, f"{elsewhere}, {here}") == 429
    eventually(lambda: status(web, here) == 200, "the address to be served again")
    web.process.kill()


def status(web: Web, from_address: str) -> int:
    return requests.get(f"{web.client.url}/", headers=forwarded(from_address), timeout=10).status_code


# --- Many sockets


def test_one_person_has_so_many_sockets(small: Web, client: Client) -> None:
    person = small.seen_by(client.sign_up())
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(RawSocket.of(person, more=xff(address()))) for _ in range(4)]
        assert all(socket.answers() for socket in sockets)
        with RawSocket.of(person, more=xff(address())) as one_more:
            assert one_more.close_code() == 1008
        assert all(socket.answers() for socket in sockets)


def test_one_address_has_so_many_sockets_whoever_opens_them(small: Web, client: Client) -> None:
    network = f"2001:db8:{address().replace('.', '')[:4]}:7"
    people = [small.seen_by(client.sign_up()) for _ in range(7)]
    with contextlib.ExitStack() as stack:
        for number, person in enumerate(people[:6]):  # each from another address of the same /64
            stack.enter_context(RawSocket.of(person, more=xff(f"{network}::{number + 1:x}")))
        assert handshake(small, f"/ws/?token={people[6].token}", f"{network}::ffff") == 429
        with RawSocket.of(people[6], more=xff(address())) as elsewhere:
            assert elsewhere.answers()


def test_sockets_that_prove_nothing_are_so_many(small: Web, ada: Person) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(RawSocket(small.client.url, "/ws/", more=xff(address())))
        assert handshake(small, "/ws/", address()) == 503
    eventually(lambda: handshake(small, f"/ws/?token={ada.token}", address()) == 101, "room for others")


def handshake(web: Web, path: str, from_address: str) -> int:
    with Http(web.client.url) as http:
        http.send(HANDSHAKE.format(path=path, host=http.host, more=xff(from_address)))
        return http.status()


# --- Resuming


@dataclass
class Missed:
    """Somebody with 16 MB to resume from `after`."""

    person: Person
    after: str

    def resume_without_reading(self, web: Client, seconds: float) -> bool:
        """Ask again and again; returns whether the connection ended before time was up."""
        asked = json.dumps({"type": "resume", "after": self.after}).encode()
        until = time.monotonic() + seconds
        there = dataclasses.replace(self.person, client=web)
        with RawSocket.of(there, more=xff(address()), receive_buffer=4_096) as socket:
            try:
                while time.monotonic() < until:
                    socket.send(asked)
                    time.sleep(0.05)
            except OSError:
                return True
        return False


@pytest.fixture(scope="module")
def missed(server: Client, ben: Person) -> Missed:
    person = server.sign_up()
    first = ben.post(person, "seen")["_id"]
    for _ in range(300):
        last = ben.post(person, "\U00010330" * 4_000)["_id"]
    eventually(lambda: last in [each["_id"] for each in person.history(ben)], "the messages", 30)
    return Missed(person, first)


def test_clients_that_resume_and_read_nothing_cost_little(bystander: Bystander, server: Client, missed: Missed) -> None:
    bystander.chat_during(*[lambda: missed.resume_without_reading(server, SECONDS)] * 20)


def test_a_client_that_resumes_and_reads_nothing_is_cut_off(small: Web, missed: Missed) -> None:
    assert missed.resume_without_reading(small.client, 15)


def test_a_resume_is_bounded_in_bytes_and_says_so(make_web: MakeWeb, client: Client, ben: Person) -> None:
    web = make_web("web-brief", {"SOCKET_RESUME_BYTES": "100000"})
    web.wait()
    person = client.sign_up()
    first = ben.post(person, "seen")["_id"]
    sent = [ben.post(person, "x" * 4_000)["_id"] for _ in range(60)]
    eventually(lambda: sent[-1] in [each["_id"] for each in person.history(ben)], "the messages")
    for after, complete in ((first, False), (sent[50], True)):
        socket = web.seen_by(person).connect()
        socket.send({"type": "resume", "after": after})
        assert socket.wait_for_frame("application:resume") == {"complete": complete}
        missed = [message["_id"] for message in socket.messages()]
        assert missed == sent[sent.index(after) + 1 if after in sent else 0 :][: len(missed)]
        assert len(missed) < 50
        socket.close()


def test_one_socket_resumes_no_more_often_than_it_may(small: Web, client: Client, ben: Person) -> None:
    """One a second is allowed there; the second resume waits and is not lost."""
    person = client.sign_up()
    first = ben.post(person, "seen")["_id"]
    ben.post(person, "missed")
    eventually(lambda: len(person.history(ben)) == 2, "the messages")
    socket = small.seen_by(person).connect(header=forwarded(address()))
    began = time.monotonic()
    for _ in range(3):
        socket.send({"type": "resume", "after": first})
    for _ in range(3):
        assert socket.wait_for_frame("application:resume") == {"complete": True}
    assert time.monotonic() - began >= 2
    socket.close()
