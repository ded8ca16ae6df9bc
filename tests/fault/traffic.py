"""Pairs of people who talk while things break, like careful clients.

They repeat a send until they get a response, reconnect when their socket closes, and resume from the last message they
saw. Afterwards `verify` checks that everything accepted is there once, in order, and reached both people's sockets.
"""

import itertools
import random
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import requests
import websocket

from dev.processes import wait_until
from tests.client import Client, Json, Person, Socket
from tests.recordings import spoken

RECOVERY_SECONDS = 30.0  # from the restart of what was broken
RETRY_SECONDS = 0.1
REQUEST_SECONDS = 8.0
PAGE = 200
FIRST_ID = "0" * 26


class Listener:
    """One person's socket, reopened whenever it closes; `seen` has the ids of all messages received."""

    def __init__(self, person: Person, url: str) -> None:
        self.person = person
        self.url = url
        self.seen: dict[str, Json] = {}
        self.times: dict[str, float] = {}
        self.codes: list[int] = []
        self.reloads = 0
        self._last = FIRST_ID
        self._stopping = threading.Event()
        self.connected = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(OSError, websocket.WebSocketException, AssertionError):
                self._listen()
            self.connected.clear()
            self._stopping.wait(random.uniform(0.05, 0.3))

    def _listen(self) -> None:
        socket = Socket(f"{self.url.replace('http', 'ws', 1)}/ws/?token={self.person.token}")
        try:
            socket.send({"type": "resume", "after": self._last})
            taken = 0
            while not self._stopping.is_set():
                with socket.changed:
                    socket.changed.wait_for(lambda: len(socket.frames) > taken or socket.closed, 0.5)  # noqa: B023
                    new, closed = socket.frames[taken:], socket.closed
                taken += len(new)
                for frame in new:
                    self._take(frame.channel, frame.data, frame.at)
                if closed and len(socket.frames) == taken:
                    self.codes.append(socket.close_code or 0)
                    return
        finally:
            socket.close()

    def _take(self, channel: str, data: Json, at: float) -> None:
        if channel == "application:messages":
            self.seen.setdefault(data["_id"], data)
            self.times.setdefault(data["_id"], at)
            self._last = data["_id"]
        elif channel == "application:resume":
            self.connected.set()
            if not data["complete"]:
                self._reload()

    def _reload(self) -> None:
        """Reads the history, like a client that missed too much to resume."""
        self.reloads += 1
        with suppress(requests.RequestException, AssertionError):
            for partner in self.person.get("/conversations"):
                for message in whole_history(self.person, partner["partner"]["_id"]):
                    self.seen.setdefault(message["_id"], message)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(10)


class Pair:
    """Two people, the messages accepted from them, and their sending threads."""

    def __init__(self, client: Client, urls: Sequence[str]) -> None:
        self.people = client.sign_up("ada"), client.sign_up("ben")
        self.listeners = [Listener(person, url) for person, url in zip(self.people, itertools.cycle(urls))]
        self.accepted: dict[str, list[str]] = {person.id: [] for person in self.people}
        self.posted: dict[str, float] = {}  # id -> when its successful post began (`time.monotonic()`)
        self.refused = 0


class Traffic:
    """`pairs` of people send `rate` texts a second each, and occasionally a voice message, until `stop`."""

    def __init__(self, urls: Sequence[str], pairs: int = 3, rate: float = 15.0, voice_every: int = 40) -> None:
        self.urls = list(urls)
        self._client = Client(urls[0])
        self._pause = 1 / rate
        self._voice_every = voice_every
        self._stopping = threading.Event()
        self.pairs = [Pair(self._client, self.urls) for _ in range(pairs)]
        for pair in self.pairs:
            for listener in pair.listeners:
                assert listener.connected.wait(15), "a socket did not connect"
        self._threads = [
            threading.Thread(target=self._send, args=(pair, sender, receiver), daemon=True)
            for pair in self.pairs
            for sender, receiver in itertools.permutations(pair.people)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        for pair in self.pairs:
            for listener in pair.listeners:
                listener.stop()
        self._client.http.close()

    @property
    def accepted(self) -> int:
        return sum(len(ids) for pair in self.pairs for ids in pair.accepted.values())

    def go_on(self, messages: int, seconds: float = RECOVERY_SECONDS) -> None:
        """Waits until so many more messages have been accepted."""
        wanted = self.accepted + messages
        wait_until(lambda: self.accepted >= wanted, seconds, f"accepting {messages} more messages")

    def stop(self) -> None:
        """Stops sending; sends in progress are completed."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(60)
                assert not thread.is_alive(), "a sender did not end"

    def _send(self, pair: Pair, sender: Person, receiver: Person) -> None:
        session, urls = requests.Session(), itertools.cycle(self.urls)
        for number in itertools.count(1):
            if self._stopping.wait(self._pause * random.uniform(0.5, 1.5)):
                return
            voice = self._voice_every and number % self._voice_every == 0
            message = self._post(pair, session, urls, sender, receiver, number, bool(voice))
            pair.accepted[sender.id].append(message["_id"])

    def _post(
        self,
        pair: Pair,
        session: requests.Session,
        urls: "itertools.cycle[str]",
        sender: Person,
        receiver: Person,
        number: int,
        voice: bool,
    ) -> Json:
        """Sends one message, repeating it with the same `clientId` until it is accepted."""
        body: Json = {"receiverId": receiver.id, "clientId": f"{sender.id}-{number}"}
        if not voice:
            body["text"] = f"message {number}"
        url = next(urls)
        for _ in range(600):
            try:
                if voice and "audioFileId" not in body:
                    files = {"audio": ("voice.webm", spoken("amiable.webm"), "audio/webm")}
                    made = self._request(session, f"{url}/api/upload", sender, files=files)
                    if made.status_code == 201:
                        body["audioFileId"] = made.json()["files"][0]["audioFileUuid"]
                if not voice or "audioFileId" in body:
                    began = time.monotonic()
                    answer = self._request(session, f"{url}/api/chat", sender, json=body)
                    if answer.status_code == 202:
                        pair.posted[answer.json()["_id"]] = began
                        return dict(answer.json())
                    if answer.status_code == 404 and voice:
                        del body["audioFileId"]
                    elif answer.status_code not in (429, 503):
                        raise AssertionError(f"refused: {answer.status_code} {answer.text}")
            except requests.RequestException:
                url = next(urls)
            pair.refused += 1
            time.sleep(RETRY_SECONDS)
        raise AssertionError("was never accepted")

    def _request(self, session: requests.Session, url: str, sender: Person, **options: object) -> requests.Response:
        return session.post(url, headers={"x-api-key": sender.token}, timeout=REQUEST_SECONDS, **options)  # type: ignore[arg-type]

    def verify(self, seconds: float = RECOVERY_SECONDS) -> None:
        """Checks that everything accepted is in both histories once, in order, and reached both people's sockets."""
        self.stop()
        assert self.accepted > 0, "nothing was sent"
        for pair in self.pairs:
            wanted = {message_id for ids in pair.accepted.values() for message_id in ids}
            for listener in pair.listeners:
                wait_until(
                    lambda: wanted <= listener.seen.keys(),  # noqa: B023
                    seconds,
                    f"{len(wanted - listener.seen.keys())} of {len(wanted)} messages on a socket",
                )
            histories = [self._history(pair, person, seconds) for person in pair.people]
            assert [each["_id"] for each in histories[0]] == [each["_id"] for each in histories[1]]
            for ids in pair.accepted.values():
                assert ids == sorted(ids), "ids do not sort as they were accepted"

    def _history(self, pair: Pair, reader: Person, seconds: float) -> list[Json]:
        partner = next(person for person in pair.people if person is not reader)
        wanted = {message_id for ids in pair.accepted.values() for message_id in ids}
        found: list[Json] = []

        def all_there() -> bool:
            with suppress(requests.RequestException, AssertionError):
                found[:] = whole_history(reader, partner.id)
            done = all(each["status"] not in ("accepted", "transcribing") for each in found)
            return done and wanted <= {each["_id"] for each in found}

        wait_until(all_there, seconds, f"the history of {len(wanted)} messages")
        ids = [each["_id"] for each in found]
        assert ids == sorted(ids), "out of order"
        assert len(ids) == len(set(ids)), "duplicated"
        clients = [each["clientId"] for each in found]
        assert len(clients) == len(set(clients)), "a message was stored twice"
        assert set(ids) - wanted == set(), "more than was accepted"
        return found


def whole_history(reader: Person, partner_id: str) -> list[Json]:
    """Reads a whole conversation, page by page."""
    found: list[Json] = []
    while True:
        after = found[-1]["_id"] if found else FIRST_ID
        page = reader.history(partner_id, after=after, limit=PAGE)
        found += page
        if len(page) < PAGE:
            return found
