"""A small API client like any other program's: REST with requests, sockets with websocket-client."""

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import requests
import websocket

TIMEOUT = 15.0  # seconds for a request, a frame or a close
PASSWORD = "correct horse battery"

Json = dict[str, Any]


@dataclass(frozen=True)
class Frame:
    """One text frame, `<channel>---<json>`, and when it arrived (`time.monotonic()`)."""

    channel: str
    data: Json
    at: float


class Socket:
    """An open WebSocket, read by a thread of its own. `frames` has everything received, in order."""

    def __init__(self, url: str, **options: Any) -> None:
        self.frames: list[Frame] = []
        self.raw: list[str] = []
        self.close_code: int | None = None
        self._taken: set[int] = set()
        self.changed = threading.Condition()
        self.closed = False
        self._connection = websocket.create_connection(url, timeout=TIMEOUT, **options)
        self._connection.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while True:
                opcode, payload = self._connection.recv_data()
                if opcode == websocket.ABNF.OPCODE_CLOSE:
                    self.close_code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
                    break
                text = payload.decode()
                channel, separator, data = text.partition("---")
                with self.changed:
                    self.raw.append(text)
                    if separator:
                        self.frames.append(Frame(channel, json.loads(data), time.monotonic()))
                    self.changed.notify_all()
        except (OSError, websocket.WebSocketException):
            self.close_code = self.close_code or 1006
        finally:
            with self.changed:
                self.closed = True
                self.changed.notify_all()

    def wait_for_frame(
        self, channel: str, where: Callable[[Json], bool] = lambda data: True, timeout: float = TIMEOUT
    ) -> Json:
        """Returns the JSON of the first frame on `channel` that contains `where` and was not returned before.

        Raises:
            AssertionError: none arrived in time, or the socket closed; shows what did arrive.
        """
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                for index, frame in enumerate(self.frames):
                    if index not in self._taken and frame.channel == channel and where(frame.data):
                        self._taken.add(index)
                        return frame.data
                remaining = deadline - time.monotonic()
                if self.closed or remaining <= 0:
                    state = f"closed {self.close_code}" if self.closed else "open"
                    raise AssertionError(f"no such frame on {channel} (socket {state}); came: {self.raw}")
                self.changed.wait(remaining)

    def messages(self) -> list[Json]:
        """Every frame of `application:messages` so far."""
        with self.changed:
            return [frame.data for frame in self.frames if frame.channel == "application:messages"]

    def wait_closed(self, timeout: float = TIMEOUT) -> int:
        """Waits until the server closes it and returns the code; 1006 if the server gave none.

        Raises:
            AssertionError: it is still open.
        """
        with self.changed:
            assert self.changed.wait_for(lambda: self.closed, timeout), f"still open; received: {self.raw}"
        assert self.close_code is not None
        return self.close_code

    def send(self, message: Json | str) -> None:
        self._connection.send(message if isinstance(message, str) else json.dumps(message))

    def close(self) -> None:
        """Closes it with a close frame; does nothing the second time."""
        with contextlib.suppress(OSError, websocket.WebSocketException):
            if not self.closed:
                self._connection.send_close()
        self._reader.join(2)
        self._connection.shutdown()
        self._reader.join(2)

    def drop(self) -> None:
        """Cuts the connection without a close frame, like a lost network."""
        self._connection.shutdown()
        self._reader.join(2)


@dataclass
class Person:
    """A signed-in person; every call carries their token."""

    client: "Client"
    user: Json
    token: str
    password: str = PASSWORD
    sockets: list[Socket] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.user["_id"])

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Makes any call below `/api` and returns the response, whatever its status."""
        headers = {"x-api-key": self.token, **options.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **options)

    def call(self, method: str, path: str, expected: int = 200, **options: Any) -> Any:
        """Makes a call that must have the status `expected`. Returns its JSON, or None for an empty body."""
        return answer(self.request(method, path, **options), expected)

    def get(self, path: str, **parameters: Any) -> Any:
        return self.call("GET", path, params=parameters)

    def post(self, receiver: "Person | str", text: str | None = None, **fields: Any) -> Json:
        """Sends a message. Returns the response to `POST /chat`."""
        body = {"receiverId": receiver if isinstance(receiver, str) else receiver.id, **fields}
        if text is not None:
            body["text"] = text
        accepted: Json = self.call("POST", "/chat", 202, json=body)
        return accepted

    def upload(self, content: bytes, name: str = "voice.webm", mimetype: str = "audio/webm") -> Json:
        """Uploads one recording. Returns its entry in the response's `files`."""
        files: list[Json] = self.call("POST", "/upload", 201, files={"audio": (name, content, mimetype)})["files"]
        return files[0]

    def history(self, partner: "Person | str", **parameters: Any) -> list[Json]:
        partner_id = partner if isinstance(partner, str) else partner.id
        found: list[Json] = self.get(f"/chat/{partner_id}", **parameters)
        return found

    def connect(self, **options: Any) -> Socket:
        """Opens a socket with the token in its address."""
        socket = Socket(f"{self.client.socket_url}?token={self.token}", **options)
        self.sockets.append(socket)
        return socket


class Client:
    """Talks to one web process. Closing it closes all its people's sockets."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.socket_url = f"{url.replace('http', 'ws', 1)}/ws/"
        self.people: list[Person] = []
        self.http = requests.Session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for person in self.people:
            for socket in person.sockets:
                socket.close()
        self.http.close()

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Makes any call below `/api` without a token."""
        return self.http.request(method, f"{self.url}/api{path}", **{"timeout": TIMEOUT, **options})

    def sign_up(self, name: str = "person", password: str = PASSWORD, **fields: Any) -> Person:
        """Signs up a new person; `name` gets a random suffix, so that tests can share a server."""
        username = f"{name}-{secrets.token_hex(4)}"
        body = {"email": f"{username}@example.org", "username": username, "password": password, **fields}
        made = answer(self.request("POST", "/signup", json=body), 201)
        return self._signed_in(made, password)

    def log_in(self, person: Person) -> Person:
        """Returns the same person with another token."""
        body = {"email": person.user["email"], "password": person.password}
        return self._signed_in(answer(self.request("POST", "/login", json=body), 200), person.password)

    def _signed_in(self, made: Json, password: str) -> Person:
        person = Person(self, made["user"], made["token"], password)
        self.people.append(person)
        return person


def answer(response: requests.Response, expected: int) -> Any:
    """Returns the JSON of a response that must have the status `expected`, or None for an empty body."""
    assert response.status_code == expected, f"{response.status_code} instead of {expected}: {response.text[:2000]}"
    return response.json() if response.content else None
