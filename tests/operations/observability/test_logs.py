"""Logs have one request id from the HTTP call to the frame, and nobody's words, tokens, passwords or addresses."""

import contextlib
import json
import secrets
from pathlib import Path

import pytest
import requests

from dev.processes import ManagedProcess, free_port, wait_until
from tests.client import Client, Person
from tests.contract.raw import connection, exchange
from tests.deepgram_stand_in import CORRUPT, KEY, SENTENCE, DeepgramStandIn
from tests.operations.dynos import DEPLOYED, copy_package
from tests.recordings import spoken
from tests.stack import SECRET, Stack, procfile

SECONDS = 30
ENTRIES = ("web", "worker")  # the others begin as the worker does, in workers/launch.py
OURS = ("web", "worker", "transcriber", "pusher", "beat")


def lines(process: ManagedProcess) -> list[str]:
    return [line for line in process.output().splitlines() if line.strip()]


def events(process: ManagedProcess, request_id: str) -> set[str]:
    found = [json.loads(line) for line in lines(process) if line.startswith("{")]
    return {record["event"] for record in found if record.get("request_id") == request_id}


def wait_for_event(process: ManagedProcess, request_id: str, event: str) -> None:
    wait_until(lambda: event in events(process, request_id), SECONDS, f"{event} of {request_id} from {process.name}")


def test_in_production_every_line_is_one_json_object(stack: Stack, client: Client) -> None:
    client.sign_up("ada")
    for name in OURS:
        written = lines(stack.processes[name])
        assert written or name == "beat"
        for line in written:
            record = json.loads(line)
            assert {"event", "level", "timestamp", "logger"} <= record.keys(), line


def test_a_text_has_one_id_from_the_call_to_the_frame(stack: Stack, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    socket = ben.connect()
    answer = ada.request("POST", "/chat", json={"receiverId": ben.id, "text": "hello"})
    request_id = answer.headers["X-Request-Id"]
    frame = socket.wait_for_frame("application:messages", lambda data: data["_id"] == answer.json()["_id"])
    wait_for_event(stack.web, request_id, "message.accepted")
    wait_for_event(stack.worker, request_id, "message.delivered")
    wait_for_event(stack.web, request_id, "frame.passed")
    assert request_id not in json.dumps(frame), "the id is internal, not for clients"


def test_the_id_may_come_from_a_proxy_before_us(stack: Stack, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    given = f"from-the-proxy-{secrets.token_hex(4)}"
    ada.call("POST", "/chat", 202, json={"receiverId": ben.id, "text": "hi"}, headers={"X-Request-Id": given})
    wait_for_event(stack.worker, given, "message.delivered")


def test_a_voice_message_keeps_its_id_through_the_transcriber(stack: Stack, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    socket = ben.connect()
    upload = ada.upload(spoken("amiable.webm"))["audioFileUuid"]
    answer = ada.request("POST", "/chat", json={"receiverId": ben.id, "audioFileId": upload})
    socket.wait_for_frame("application:messages", lambda data: data["_id"] == answer.json()["_id"])
    wait_for_event(stack.transcriber, answer.headers["X-Request-Id"], "task.ended")
    wait_for_event(stack.web, answer.headers["X-Request-Id"], "frame.passed")


def test_no_log_reveals_what_people_write_or_who_they_are(
    stack: Stack, client: Client, deepgram: DeepgramStandIn
) -> None:
    """Runs a session with everything that can go wrong, at DEBUG, and searches all processes' and servers' logs."""
    secret = Secrets()
    ada = client.sign_up("ada", password=secret.password)
    ben = client.sign_up("ben")
    socket = ben.connect()
    a_day_of_talking(ada, ben, secret)
    deepgram.then(CORRUPT)
    voice = ada.post(ben, audioFileId=ada.upload(spoken("amiable.webm"))["audioFileUuid"])
    told = ada.post(ben, audioFileId=ada.upload(spoken("respectable.ogg"), f"{secret.name}.ogg")["audioFileUuid"])
    for each in (voice, told):
        socket.wait_for_frame("application:messages", lambda data, of=each: data["_id"] == of["_id"], timeout=60)
    mistakes(stack, client, ada, ben, secret)
    leaving(client, ada, secret)
    stores_away(stack, ben, client.sign_up("eve"), secret)
    stack.web.signal(15)
    stack.web.wait(SECONDS)
    revealed = {
        f"{process.name}: {what}"
        for process in (*stack.processes.values(), *stack.embedded.servers)
        for what, value in secret.all(ada, ben).items()
        if value.lower() in process.output().lower()
    }
    assert revealed == set()


@pytest.mark.parametrize("name", ENTRIES)
def test_an_error_at_the_import_is_one_event(stack: Stack, tmp_path: Path, name: str) -> None:
    for folder in DEPLOYED:
        copy_package(folder, tmp_path)
    with (tmp_path / "chat" / "wire.py").open("a") as module:
        module.write("\nraise RuntimeError('the reason')\n")
    own = {"PYTHONPATH": str(tmp_path), "PORT": str(free_port()), "WEB_CONCURRENCY": "1"}
    process = stack.make_process(f"{name}-broken", procfile("Procfile.dev")[name], own)
    process.start()
    assert process.wait(SECONDS) != 0
    written = [json.loads(line) for line in lines(process)]
    assert [line["where"] for line in written if "the reason" in line.get("exception", "")] == ["import"]


@pytest.mark.parametrize("name", ENTRIES)
def test_a_wrong_setting_is_said_in_one_plain_sentence(stack: Stack, name: str) -> None:
    process = stack.make_process(f"{name}-wrong", procfile("Procfile.dev")[name], {"REDIS_URL": "nonsense"})
    process.start()
    assert process.wait(SECONDS) == 1
    said = lines(process)
    assert said[0] == "Chattergram cannot start:"
    assert len(said) == 2
    assert said[1].startswith("  REDIS_URL: must be redis://")


class Secrets:
    """Words that occur nowhere else."""

    def __init__(self) -> None:
        self.text, self.edited, self.typed, self.query, self.name = (secrets.token_hex(6) for _ in range(5))
        self.password, self.new_password, self.wrong = (f"pass-{secrets.token_hex(6)}" for _ in range(3))
        self.email = f"{secrets.token_hex(6)}@example.org"

    def all(self, *people: Person) -> dict[str, str]:
        found = {**vars(self), "transcript": SENTENCE[:30], "key": KEY, "secret key": SECRET}
        for person in people:
            found |= {f"{person.user['username']}'s token": person.token, "address": person.user["email"]}
        return found


def a_day_of_talking(ada: Person, ben: Person, secret: Secrets) -> None:
    sent = ada.post(ben, f"the word is {secret.text}", clientId=secret.typed)
    wait_until(lambda: bool(ada.history(ben)), SECONDS, "the message to be stored")
    ada.call("PATCH", f"/chat/message/{sent['_id']}", json={"text": secret.edited})
    ada.get("/search", q=secret.query)
    ada.get("/user/list", q=secret.name)
    ben.call("POST", f"/chat/{ada.id}/read", 204, json={"upTo": sent["_id"]})
    link = ada.call("POST", f"/file/{ada.upload(spoken())['audioFileUuid']}/link")["url"]
    assert requests.get(f"{ada.client.url}{link}", timeout=15).ok
    secret.link = link.partition("token=")[2]
    ada.connect().send({"type": "typing", "receiverId": ben.id, "text": secret.typed})
    ada.call("DELETE", f"/chat/message/{sent['_id']}", 204)


def mistakes(stack: Stack, client: Client, ada: Person, ben: Person, secret: Secrets) -> None:
    login = {"email": ada.user["email"], "password": secret.wrong}
    assert client.request("POST", "/login", json=login).status_code == 401
    assert client.request("POST", "/login", json={"email": secret.email, "password": secret.wrong}).status_code == 401
    assert client.request("POST", "/signup", json={**login, "username": secret.name}).status_code == 409
    assert client.request("POST", "/signup", json={"password": secret.wrong, "email": secret.name}).status_code == 422
    assert client.request("POST", "/signup", data=f'{{"password": "{secret.wrong}"').status_code in (400, 415)
    assert ada.request("POST", "/chat", json={"receiverId": ben.id, "text": secret.text * 1_000}).status_code == 422
    assert ada.request("POST", "/upload", files={"a": (secret.name, secret.text)}).status_code == 415
    for path in (
        f"/ws?token={ada.token}",
        f"/nowhere?token={ada.token}&q={secret.query}",
        f"/api/nowhere?q={secret.text}",
    ):
        requests.get(f"{stack.url}{path}", headers={"x-api-key": ada.token}, timeout=15)
    no_http(stack, ada, secret)
    noise = ada.connect()
    noise.send(secret.typed)
    noise.send(f"{ada.token}.{secret.typed}")
    wrong = client.socket_url + f"?token={ada.token[:-4]}"
    with contextlib.suppress(Exception):
        type(noise)(wrong).wait_closed()


def no_http(stack: Stack, ada: Person, secret: Secrets) -> None:
    """Sends requests that gunicorn cannot parse or that end too soon; by default it would log their bytes."""
    key = f"x-api-key: {ada.token}\r\n".encode()
    for broken in (
        f"GET /api/search?q=m\u00fcller-{secret.query} HTTP/1.1\r\n\r\n".encode(),
        f"GET /ws/?token={ada.token}\xff HTTP/1.1\r\n\r\n".encode("latin-1"),
        f"GET /api/search?q={secret.query} word HTTP/1.1\r\n\r\n".encode(),
        f"{secret.text.upper()}? / HTTP/1.1\r\n\r\n".encode(),
        f"GET /api/user/me?token={ada.token} HTTP/9.1\r\n\r\n".encode(),
        b"GET /api/user/me HTTP/1.1\r\n" + key.replace(b":", b"") + b"\r\n",
        b"GET /api/user/me HTTP/1.1\r\n" + key + b" folded\r\n\r\n",
        b"GET /api/user/me HTTP/1.1\r\n" + key.replace(b"\r\n", b"\x00\r\n") + b"\r\n",
        b"GET /api/user/me HTTP/1.1\r\n" + key * 100 + b"\r\n",
        b"POST /api/chat HTTP/1.1\r\nTransfer-Encoding: " + ada.token.encode() + b"\r\n\r\n",
        f"POST /api/login HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{secret.password}\r\n".encode(),
    ):
        assert exchange(stack.url, broken)[0] >= 400, broken
    for half in (b"GET /api/user/me HTTP/1.1\r\n" + key, f"GET /ws/?token={ada.token}".encode()):
        with connection(stack.url) as opened:
            opened.sendall(half)
    wait_until(
        lambda: "premature client disconnection" in stack.web.output(), SECONDS, "gunicorn to note that they are gone"
    )


def stores_away(stack: Stack, ben: Person, eve: Person, secret: Secrets) -> None:
    for server in (stack.mongodb, stack.redis):
        server.kill()
        try:
            ben.request("POST", "/chat", json={"receiverId": eve.id, "text": secret.text})
            ben.client.request("POST", "/login", json={"email": secret.email, "password": secret.wrong})
            ben.request("GET", "/search", params={"q": secret.query})
        finally:
            server.restart()
    stack.wait_web()
    kept = stack.folder / "log"
    assert kept.is_dir()


def leaving(client: Client, ada: Person, secret: Secrets) -> None:
    change = {"password": secret.new_password, "currentPassword": secret.password}
    ada.call("PATCH", "/user/me", json=change)
    again = client.log_in(Person(client, ada.user, "", secret.new_password))
    again.call("DELETE", "/user/me", 204, json={"password": secret.new_password})
