"""Sockets and presence while processes start and stop."""

import os
import signal
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from dev.processes import LOOPBACK, free_port, wait_until
from tests.client import TIMEOUT, Client, Socket
from tests.fault.conftest import System
from tests.recordings import spoken
from tests.stack import answers

pytestmark = pytest.mark.timeout(180)

OFFLINE_SECONDS = 30.0  # as promised
WATCHERS, ARRIVALS = 10, 40


def connect(url: str, token: str) -> Socket:
    return Socket(f"{url.replace('http', 'ws', 1)}/ws/?token={token}")


def test_people_of_a_killed_process_are_offline_in_time_unless_they_are_elsewhere(
    system: System, client: Client
) -> None:
    watcher, only_there, also_here = (client.sign_up(name) for name in ("watcher", "there", "both"))
    watching = connect(system.urls[0], watcher.token)
    sockets = [watching, *(connect(system.urls[1], each.token) for each in (only_there, also_here))]
    sockets.append(connect(system.urls[0], also_here.token))
    try:
        for person in (only_there, also_here):
            watching.wait_for_frame("application:users", lambda data: data["_id"] == person.id and data["online"])  # noqa: B023
        system.process("web2").kill()
        gone = watching.wait_for_frame(
            "application:users", lambda data: data["_id"] == only_there.id and not data["online"], OFFLINE_SECONDS
        )
        assert gone["lastSeen"]
        people = {each["_id"]: each for each in watcher.get("/user/list", limit=500)}
        assert people[only_there.id]["online"] is False
        assert people[also_here.id]["online"] is True
        frames = [each.data for each in watching.frames if each.channel == "application:users"]
        assert [each["online"] for each in frames if each["_id"] == also_here.id] == [True], "only on a change"
    finally:
        for each in sockets:
            each.close()


def test_a_deploy_finishes_requests_in_flight_and_then_closes_sockets_with_1012(system: System, client: Client) -> None:
    ada = client.sign_up("ada")
    opened = _admitted(connect(system.urls[1], ada.token))
    content = spoken()
    head, tail = _upload_request(system.urls[1], ada.token, content)
    host = urlsplit(system.urls[1])
    with socket.create_connection((host.hostname, host.port), TIMEOUT) as upload:
        upload.sendall(head)
        assert upload.recv(1_024).startswith(b"HTTP/1.1 100"), "the request has begun"
        os.kill(system.process("web2").pid, signal.SIGTERM)
        with opened.changed:
            still_open = not opened.changed.wait_for(lambda: opened.closed, 0.5)
        upload.sendall(tail)
        answer = upload.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 201"), answer
    assert still_open, "sockets close after the requests have responses"
    assert opened.wait_closed() == 1012
    assert system.process("web2").wait(30) in (0, -signal.SIGTERM)
    with pytest.raises(ConnectionRefusedError):
        connect(system.urls[1], ada.token)


def test_a_stopping_process_accepts_no_connection_while_it_finishes_requests(system: System, client: Client) -> None:
    ada = client.sign_up("ada")
    opened = _admitted(connect(system.urls[1], ada.token))
    host = urlsplit(system.urls[1])
    head, tail = _upload_request(system.urls[1], ada.token, spoken())
    with socket.create_connection((host.hostname, host.port), TIMEOUT) as upload:
        upload.sendall(head)
        assert upload.recv(1_024).startswith(b"HTTP/1.1 100"), "the request has begun"
        os.kill(system.process("web2").pid, signal.SIGTERM)
        wait_until(lambda: _refuses((host.hostname, host.port)), TIMEOUT, "to be refused")
        with opened.changed:  # longer than gunicorn sleeps
            assert not opened.changed.wait_for(lambda: opened.closed, 1.5)
        upload.sendall(tail)
        assert upload.recv(65_536).startswith(b"HTTP/1.1 201")
    assert opened.wait_closed() == 1012
    assert system.process("web2").wait(30) in (0, -signal.SIGTERM)


def _admitted(opened: Socket) -> Socket:
    """Waits until its token was checked: a socket without a checked token is closed as soon as the process stops."""
    opened.send({"type": "resume"})
    opened.wait_for_frame("application:resume")
    return opened


def _refuses(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, TIMEOUT).close()
    except ConnectionError:  # a reset: it was waiting at a listener that closed
        return True
    return False


def test_a_socket_that_cannot_resume_is_closed_so_that_nothing_is_missed(system: System, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    opened = connect(system.urls[0], ben.token)
    seen = ada.post(ben, "seen")["_id"]
    opened.wait_for_frame("application:messages", lambda data: data["_id"] == seen)
    system.stack.redis.kill()
    try:
        opened.send({"type": "resume", "after": seen})
        assert opened.wait_closed(OFFLINE_SECONDS) == 1012
    finally:
        opened.close()
        system.restart_stopped()
    missed = ada.post(ben, "missed")["_id"]
    again = connect(system.urls[0], ben.token)
    try:
        again.send({"type": "resume", "after": seen})
        again.wait_for_frame("application:messages", lambda data: data["_id"] == missed)
    finally:
        again.close()


def _upload_request(url: str, token: str, content: bytes) -> tuple[bytes, bytes]:
    """An upload request in two parts; the second is for sending later."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\n\r\n' + content + b"\r\n--x--\r\n"
    )
    head = (
        f"POST /api/upload HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nx-api-key: {token}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    half = len(body) // 2
    return head.encode() + body[:half], body[half:]


def test_many_arrivals_at_once_make_a_bounded_number_of_frames(system: System, client: Client) -> None:
    port, limit = free_port(), 130
    bounded = system.stack.make_process(
        "web-bounded", system.stack.web.command[-1], {"PORT": str(port), "PRESENCE_FRAMES_PER_SECOND": str(limit)}
    )
    bounded.start()
    url = f"http://{LOOPBACK}:{port}"
    sockets: list[Socket] = []
    try:
        with Client(url):
            wait_until(lambda: answers(f"{url}/readyz"), 30, "the web process")
            watchers = [client.sign_up("watcher") for _ in range(WATCHERS)]
            sockets += [connect(url, each.token) for each in watchers]
            people = [client.sign_up("arriving") for _ in range(ARRIVALS)]
            for watching in sockets:
                watching.wait_for_frame("application:users", lambda data: data["_id"] == watchers[-1].id)
            started = time.monotonic()
            threads = [
                threading.Thread(target=lambda each=each: sockets.append(connect(system.urls[0], each.token)))
                for each in people
            ]
            for thread in threads:
                thread.start()
            for watching in sockets[:WATCHERS]:
                for person in people:
                    watching.wait_for_frame("application:users", lambda data: data["_id"] == person.id)  # noqa: B023
            took = time.monotonic() - started
            for thread in threads:
                thread.join()
            frames = sum(each.at >= started for watching in sockets[:WATCHERS] for each in watching.frames)
            assert frames >= WATCHERS * ARRIVALS, "everybody hears of everybody"
            assert frames <= limit * (took + 2), "but no faster than allowed"
    finally:
        for each in sockets:
            each.close()
        bounded.stop()
