"""The original web client's calls, exactly as it makes them except for the two base addresses.

It joins `http://…/api/` and the path, sends `x-api-key`, splits frames at `---`, sends its token when the socket opens
and every five seconds, pages with `offset` and `limit`, and accepts any status from 200 to 299.
"""

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import websocket

from tests import recordings
from tests.client import TIMEOUT, Client
from tests.contract.conftest import eventually

Json = dict[str, Any]


@dataclass
class Original:
    """Does what its stores and composables do."""

    base: str
    sockets: str
    user: Json = field(default_factory=dict)
    token: str = ""
    history: list[Json] = field(default_factory=list)
    offset: int = 0

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Joins base and path with one slash, like axios."""
        url = f"{self.base.rstrip('/')}/{path.lstrip('/')}"
        headers = {"Accept": "application/json, text/plain, */*", "Origin": "http://localhost:3000"}
        if self.token:
            headers["x-api-key"] = self.token
        response = requests.request(method, url, headers=headers, timeout=TIMEOUT, **options)
        assert 200 <= response.status_code < 300, response.text
        assert response.headers["Access-Control-Allow-Origin"] in ("*", headers["Origin"])
        return response.json() if response.content else None

    def enter(self, path: str, form: Json) -> None:
        session = self.call("POST", path, json=form)
        self.token, self.user = session["token"], session["user"]

    def post_text(self, partner: Json, text: str) -> Json:
        payload = {"receiverId": partner["_id"], "senderId": self.user["_id"], "text": text}
        answer: Json = self.call("POST", "/chat", json=payload)
        return answer

    def post_recording(self, partner: Json, blob: bytes) -> Json:
        """Sends a Blob without a name, whose type the recorder gives as `audio/mp3` although it is webm."""
        uploaded = self.call("POST", "/upload", files={"audioFile": ("blob", blob, "audio/mp3")})
        upload = uploaded["files"][0]["audioFileUuid"]
        payload = {"receiverId": partner["_id"], "senderId": self.user["_id"], "audioFileId": upload, "text": ""}
        answer: Json = self.call("POST", "/chat", json=payload)
        return answer

    def select(self, partner: Json) -> None:
        self.history, self.offset = self.call("GET", f"/chat/{partner['_id']}"), 0

    def load_more(self, partner: Json) -> bool:
        page = self.call("GET", f"/chat/{partner['_id']}?offset={self.offset}&limit=50")
        self.history, self.offset = page + self.history, self.offset + 50
        return len(page) == 50

    def open_socket(self) -> websocket.WebSocket:
        opened = websocket.create_connection(
            f"{self.sockets}/?token={self.token}", timeout=TIMEOUT, origin="http://localhost:3000"
        )
        opened.send(self.token)
        return opened


def next_frame(opened: websocket.WebSocket, wanted: str) -> Json:
    while True:
        channel, payload, *lost = str(opened.recv()).split("---")
        assert not lost, "JSON with three dashes loses what follows them"
        data: Json = json.loads(payload)
        if channel == wanted:
            return data


@pytest.fixture
def originals(server: Client) -> tuple[Original, Original]:
    made = []
    for name in ("grammy", "cracker"):
        client = Original(f"{server.url}/api/", f"{server.url.replace('http', 'ws', 1)}/ws")
        username = f"{name}-{secrets.token_hex(4)}"
        form = {"email": f"{username}@example.org", "username": username, "password": "at least eight"}
        client.enter("/signup", form)
        again = Original(client.base, client.sockets)
        again.enter("/login", {"email": form["email"], "password": form["password"]})
        assert again.user == client.user
        made.append(client)
    return made[0], made[1]


def test_signing_up_in_and_who_one_is(originals: tuple[Original, Original]) -> None:
    for client in originals:
        assert client.call("GET", "/user/me") == client.user
        assert client.user.keys() >= {"_id", "email", "username", "bio"}
        changed = client.call("POST", "/user/me", json={"username": client.user["username"], "bio": "hello"})
        assert changed["bio"] == "hello"


def test_people_and_their_presence(originals: tuple[Original, Original]) -> None:
    one, other = originals
    watching = one.open_socket()
    listed = one.call("GET", "/user/list")  # a thousand; whoever has more people than that asks for names
    assert len(listed) > 1
    for person in listed:
        assert person.keys() >= {"_id", "username", "bio", "online"}
    assert [person["_id"] for person in one.call("GET", f"/user/list?q={one.user['username']}")] == [one.user["_id"]]
    opened = other.open_socket()
    while (frame := next_frame(watching, "application:users"))["_id"] != other.user["_id"]:
        pass
    assert frame["online"] is True
    opened.close()
    watching.close()


def test_a_text_comes_over_both_sockets_once_and_is_in_the_history(originals: tuple[Original, Original]) -> None:
    one, other = originals
    sockets = [one.open_socket(), other.open_socket()]
    answer = one.post_text(other.user, "it splits --- at dashes")
    for opened in sockets:
        frame = next_frame(opened, "application:messages")
        assert frame["_id"] == answer["_id"]
        assert frame["text"] == "it splits --- at dashes"
        assert (frame["senderId"], frame["receiverId"]) == (one.user["_id"], other.user["_id"])
        assert frame["dateSent"]
        opened.send(one.token if opened is sockets[0] else other.token)
        opened.close()
    one.select(other.user)
    assert [message["text"] for message in one.history] == ["it splits --- at dashes"]
    assert one.load_more(other.user) is False


def test_a_recording_is_sent_transcribed_and_played(originals: tuple[Original, Original]) -> None:
    one, other = originals
    opened = other.open_socket()
    answer = one.post_recording(other.user, recordings.spoken())
    frame = next_frame(opened, "application:messages")
    opened.close()
    assert frame["_id"] == answer["_id"]
    assert isinstance(frame["text"], str)
    assert frame["text"] or frame["status"] == "untranscribed"
    file = other.call("GET", f"file/{frame['audioFileId']}")
    assert base64.b64decode(file["audioFile"]) == recordings.spoken()
    assert file["audioFileUuid"] == frame["audioFileId"]
    assert file["audioFileMimetype"] == "audio/webm"


def test_the_history_pages_back_to_its_beginning(originals: tuple[Original, Original]) -> None:
    one, other = originals
    count = 265
    sent = [one.post_text(other.user, f"{number}")["_id"] for number in range(count)]
    eventually(lambda: other.select(one.user) or (other.history[-1:] and other.history[-1]["_id"] == sent[-1]), "all")
    while other.load_more(one.user):
        pass
    assert [message["_id"] for message in other.history] == sent


def test_search_as_one_types(originals: tuple[Original, Original]) -> None:
    one, other = originals
    word = f"needle{secrets.token_hex(4)}"
    message_id = one.post_text(other.user, f"the {word} in the haystack")["_id"]
    eventually(lambda: one.call("GET", f"/search?q={word}"), "the hit")
    for query in (word, word[:-1], other.user["username"]):
        for hit in one.call("GET", f"/search?q={query}"):
            assert hit.keys() >= {"_id", "type", "text"}
            assert hit["type"] in ("user", "chat")
    assert [hit["_id"] for hit in one.call("GET", f"/search?q={word}")] == [message_id]


def test_its_errors_have_a_message_to_show(originals: tuple[Original, Original]) -> None:
    one, _ = originals
    url = one.base.rstrip("/")
    for path, form in (
        ("/login", {"email": "nobody@example.org", "password": "x"}),
        ("/signup", {"email": one.user["email"], "username": "x", "password": "at least eight"}),
        ("/signup", {"email": "x@example.org", "password": "at least eight"}),
    ):
        response = requests.post(f"{url}{path}", json=form, timeout=TIMEOUT)
        assert 400 <= response.status_code < 500
        assert response.json()["message"]
