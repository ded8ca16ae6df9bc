"""The maintenance commands (`flask …`), on the whole application while it runs."""

import json
import subprocess
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from click import ClickException
from click.testing import Result
from redis.lock import Lock

from chat.store import keys, partitions
from chat.store.locks import try_lock
from dev.processes import wait_until
from tests.application import application
from tests.client import PASSWORD, Client, Person
from tests.people import key_of
from tests.recordings import spoken
from tests.stack import ROOT, Stack
from tests.stores import open_stores
from web import cli

SECONDS = 30


def flask(stack: Stack, *arguments: str, given: str = "", **own: str) -> Result:
    """Runs a command in this process, which takes a tenth of the time."""
    settings = stack.settings().model_dump(exclude_unset=True) | own
    with application(**settings) as app:
        return app.test_cli_runner().invoke(args=arguments, input=given)


def program(stack: Stack, *arguments: str) -> subprocess.CompletedProcess:
    """Runs a command as a program of its own, as in a deployment; `ROOT` has `.flaskenv`."""
    return subprocess.run(
        ["flask", *arguments], env=stack.environment, cwd=ROOT, capture_output=True, timeout=90, check=True
    )


def done(ran: Result) -> str:
    assert ran.exit_code == 0, ran.stderr
    return ran.stdout


def refused(ran: Result) -> str:
    assert ran.exit_code != 0, ran.stdout
    assert "Traceback" not in ran.stderr
    return ran.stderr


def talk(ada: Person, ben: Person, number: int) -> list[str]:
    sent = [ada.post(ben, f"number {n}")["_id"] for n in range(number)]
    wait_until(lambda: {each["_id"] for each in ben.history(ada)} >= set(sent), SECONDS, "the messages to be stored")
    return sent


def test_create_makes_an_account_that_can_log_in(stack: Stack, client: Client) -> None:
    made = done(flask(stack, "users", "create", "grace@example.org", "grace", given=f"{PASSWORD}\n"))
    login = client.request("POST", "/login", json={"email": "grace@example.org", "password": PASSWORD})
    assert login.json()["user"]["_id"] == made.strip()
    again = refused(flask(stack, "users", "create", "GRACE@example.org", "other", given=f"{PASSWORD}\n"))
    assert "That email is taken." in again


@pytest.mark.parametrize(
    ("email", "username", "password", "said"),
    [
        ("nobody", "nobody", PASSWORD, "email"),
        ("nobody@example.org", "nobody", "short", "password"),
        ("nobody@example.org", "", PASSWORD, "username"),
    ],
)
def test_create_reports_errors_in_a_sentence(email: str, username: str, password: str, said: str) -> None:
    with application() as app:
        ran = app.test_cli_runner().invoke(args=["users", "create", email, username], input=f"{password}\n")
    assert ran.exit_code != 0
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert password not in ran.stderr


def test_export_has_all_of_a_person_and_nothing_of_others(stack: Stack, client: Client, tmp_path: Path) -> None:
    ada, ben, eve = (client.sign_up(name) for name in ("ada", "ben", "eve"))
    texts = talk(ada, ben, 3) + talk(ben, ada, 2)
    talk(ben, eve, 1)
    upload = ada.upload(spoken("amiable.mp3"), "my voice.mp3", "audio/mpeg")["audioFileUuid"]
    voice = ada.post(ben, audioFileId=upload)["_id"]
    wait_until(lambda: voice in {each["_id"] for each in ben.history(ada)}, SECONDS, "the voice message")
    ada.call("POST", f"/chat/{ben.id}/read", 204, json={"upTo": texts[-1]})
    done(flask(stack, "sync", "run"))
    assert "nothing is left to move" in done(flask(stack, "partitions", "move"))
    target = tmp_path / "ada.zip"
    done(flask(stack, "users", "export", ada.user["username"], "--output", str(target)))
    with ZipFile(target) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    profile = json.loads(found.pop("profile.json"))
    assert (profile["_id"], profile["email"]) == (ada.id, ada.user["email"])
    assert {message["_id"] for message in json.loads(found.pop("messages.json"))} == {*texts, voice}
    assert json.loads(found.pop("people.json")) == {ben.id: ben.user["username"]}
    assert list(json.loads(found.pop("read.json")).values()) == [texts[-1]]
    assert found == {f"recordings/{upload}.mp3": spoken("amiable.mp3")}
    assert target.stat().st_mode & 0o077 == 0
    assert b"assword" not in target.read_bytes()


def test_export_goes_through_a_pipe_out_of_a_container(stack: Stack, client: Client) -> None:
    """Containers are read-only, and files written by a one-off dyno are lost."""
    ada = client.sign_up("ada")
    ran = program(stack, "users", "export", ada.id, "--output", "-")
    with ZipFile(BytesIO(ran.stdout)) as archive:
        assert archive.testzip() is None
        assert json.loads(archive.read("profile.json"))["_id"] == ada.id
    assert "0 messages" in ran.stderr.decode()


def test_export_of_nobody_says_so(stack: Stack, tmp_path: Path) -> None:
    target = tmp_path / "nobody.zip"
    assert "There is nobody" in refused(flask(stack, "users", "export", "nobody-at-all", "--output", str(target)))
    assert not target.exists()


def test_purge_leaves_no_account_no_text_and_no_audio(stack: Stack, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    socket = ada.connect()
    talk(ada, ben, 3)
    kept = flask(stack, "users", "purge", ada.user["email"], given="n\n")
    assert kept.exit_code != 0
    assert ada.get("/user/me")["_id"] == ada.id, "it asks first"
    done(flask(stack, "users", "purge", ada.user["email"], given="y\n"))
    assert socket.wait_closed() == 4401
    assert ada.request("GET", "/user/me").status_code == 403
    assert {message["text"] for message in ben.history(ada)} == {""}
    login = {"email": ada.user["email"], "password": PASSWORD}
    assert client.request("POST", "/login", json=login).status_code == 401
    assert "There is nobody" in refused(flask(stack, "users", "purge", ada.id, "--yes"))


def test_reindex_repairs_terms_and_indexes(stack: Stack, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    message_id = talk(ada, ben, 1)[0]
    with open_stores(stack.settings()) as stores:
        stores.redis.execute_command("JSON.SET", key_of(stores, message_id), "$.terms", '"wbroken"')
        stores.redis.execute_command("FT.DROPINDEX", keys.message_index(partitions.of_message(stores, message_id)))
        assert "1 terms changed" in done(flask(stack, "search", "reindex"))
        assert [hit["_id"] for hit in ben.get("/search", q="numbr")] == [message_id]
        assert "0 terms changed" in done(flask(stack, "search", "reindex"))


def test_sync_brings_redis_what_it_lost(stack: Stack, client: Client) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    sent = talk(ada, ben, 5)
    wait_until(lambda: state(stack)["outbox_messages"] == 0, SECONDS, "the archive to have them")
    stack.beat.stop()  # so that only the command syncs
    try:
        with open_stores(stack.settings()) as stores:
            stores.redis.flushdb()  # simulates the loss of Redis; the application itself never does this
        assert "the hot window is complete" in done(flask(stack, "sync", "run"))
        assert state(stack)["hot_messages"] >= len(sent)
        assert [message["_id"] for message in ben.history(ada)] == sent
    finally:
        stack.beat.start()


def test_sync_waits_for_another_round_and_then_does_its_own(stack: Stack) -> None:
    with open_stores(stack.settings()) as stores:
        held = Lock(stores.redis, keys.lock_key("sync"), timeout=2, blocking=True)
        assert held.acquire()  # and never release it, like a killed process
        assert "the hot window is complete" in done(flask(stack, "sync", "run"))
        assert not held.owned(), "it went on while another round had the lock"


def test_sync_says_that_another_process_keeps_syncing(stack: Stack) -> None:
    with open_stores(stack.settings()) as stores, try_lock(stores.redis, "sync", 25) as ours:
        wait_until(lambda: ours or bool(stores.redis.exists(keys.lock_key("sync"))), SECONDS, "a round")
        with pytest.raises(ClickException, match="Another process"):
            cli.sync_rounds(stores, 0.3)


def test_losing_redis_during_a_command_is_reported_in_a_sentence(stack: Stack) -> None:
    settings = stack.settings().model_copy(update={"redis_url": "redis://127.0.0.1:9/0"})
    with open_stores(settings) as stores, pytest.raises(ClickException, match="Redis has gone away"):
        cli.figures_of_redis(stores)


def state(stack: Stack) -> dict[str, float]:
    found: dict[str, float] = json.loads(done(flask(stack, "state", "--json")))
    return found


def test_state_shows_what_waits(stack: Stack) -> None:
    for process in (stack.worker, stack.beat):
        process.stop()
    try:
        with Client(stack.url) as client:
            ada, ben = client.sign_up("ada"), client.sign_up("ben")
            for number in range(3):
                ada.post(ben, f"nobody stores number {number}")
        found = state(stack)
        assert found["accepted_messages"] == 3
        assert found["accepted_oldest_seconds"] > 0
        assert found["queue_chat"] >= 1
        shown = done(flask(stack, "state"))
        assert any(line.split()[:2] == ["accepted_messages", "3"] for line in shown.splitlines()), shown
    finally:
        for process in (stack.worker, stack.beat):
            process.start()
        stack.wait_workers()
    wait_until(lambda: state(stack)["accepted_messages"] == 0, SECONDS, "the messages to be stored")


def test_an_unreachable_store_is_reported_in_a_sentence(stack: Stack) -> None:
    away = {"redis_url": "redis://127.0.0.1:9/0", "celery_broker_url": "redis://127.0.0.1:9/1"}
    assert "Error" in refused(flask(stack, "sync", "run", **away))
    found = json.loads(done(flask(stack, "state", "--json", **away)))
    assert (found["redis_up"], found["broker_up"], found["mongodb_up"]) == (0, 0, 1)
