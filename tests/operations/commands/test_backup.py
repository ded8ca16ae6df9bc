"""`flask backup` on the whole application: save, destroy, restore, and everything is there."""

import os
import pty
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.store import keys
from dev.processes import wait_until
from tests.client import PASSWORD, Client, Person
from tests.operations.commands.test_cli import done, flask, talk
from tests.recordings import spoken
from tests.stack import ROOT, Stack
from tests.stores import open_stores

SECONDS = 30


def stop(stack: Stack) -> None:
    for process in (stack.beat, stack.worker):
        process.stop()


@pytest.fixture
def restarted(stack: Stack) -> Iterator[Stack]:
    """The stack for a test that stops processes."""
    yield stack
    stack.start_stopped()


def logged_in(client: Client, person: Person) -> bool:
    given = {"email": person.user["email"], "password": PASSWORD}
    return client.request("POST", "/login", json=given).status_code == 200


def test_what_was_saved_is_all_there_after_both_stores_were_lost(
    restarted: Stack, client: Client, tmp_path: Path
) -> None:
    stack, file = restarted, tmp_path / "backup.zip"
    ada, ben, eve, gone = (client.sign_up(name) for name in ("ada", "ben", "eve", "gone"))
    sent = talk(ada, ben, 5)
    upload = ada.upload(spoken("amiable.mp3"), "my voice.mp3", "audio/mpeg")["audioFileUuid"]
    voice = ada.post(ben, "zeppelin", audioFileId=upload)["_id"]
    wait_until(lambda: voice in {each["_id"] for each in ben.history(ada)}, SECONDS, "the voice message")
    ben.call("POST", f"/chat/{ada.id}/read", 204, json={"upTo": sent[2]})
    talk(gone, ben, 2)
    eve.call("POST", "/logout", 204)

    assert "recording" in done(flask(stack, "backup", "save", str(file)))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    last = talk(ada, ben, 3)
    gone.call("DELETE", "/user/me", 204, json={"password": PASSWORD})
    new = client.sign_up("new")

    with open_stores(stack.settings()) as stores:
        wait_until(lambda: not stores.redis.zcard(keys.TRANSCRIPTIONS), SECONDS, "the transcript")
        before = ben.history(ada)
        stop(stack)
        stores.mongo.client.drop_database(stores.mongo.name)
        done(flask(stack, "backup", "restore", str(file)))
        assert stores.mongo.users.count_documents({"_id": gone.id}) == 1
        said = done(flask(stack, "sync", "run"))  # Redis knows what came since, and whom nobody may bring back
        assert "messages were brought to MongoDB" in said
        assert "1 people were brought" in said
        assert "1 deleted accounts" in said
        assert stores.mongo.messages.count_documents({"_id": {"$in": last}}) == 3
        stores.redis.flushall()
        assert "the hot window is complete" in done(flask(stack, "sync", "run"))
        assert stores.mongo.erasures.count_documents({"_id": gone.id}) == 1, "workers will erase their messages"
        stack.start_stopped()

    assert ben.history(ada) == before
    row = next(each for each in ben.get("/conversations") if each["partner"]["_id"] == ada.id)
    assert (row["unread"], row["lastMessage"]["_id"]) == (6, last[-1])
    assert [each["_id"] for each in ben.get("/search", q="zeppelin")] == [voice]
    content = ben.request("GET", f"/file/{upload}/content", headers={"x-api-key": ben.token}).content
    assert content == spoken("amiable.mp3")
    assert logged_in(client, ada)
    assert not logged_in(client, gone)
    assert not logged_in(client, new), "only MongoDB had the password"
    done(flask(stack, "users", "password", new.id, given=f"{PASSWORD}\n"))
    assert logged_in(client, new)
    assert eve.request("GET", "/user/me").status_code == 403, "who logged out stays logged out"
    assert ada.post(ben, "as if nothing had happened")["_id"] > last[-1]


def test_ctrl_c_ends_what_goes_on_with_a_sentence(stack: Stack) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # or in the background it would be ignored
    main, terminal = pty.openpty()
    running = subprocess.Popen(
        ["flask", "state", "--watch"],
        env=stack.environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    os.close(terminal)
    assert running.stdout is not None
    lines = [running.stdout.readline() for _ in range(60)]  # more than one time shows
    assert sum(line.startswith("redis_up") for line in lines) >= 2
    running.send_signal(signal.SIGINT)
    assert running.wait(SECONDS) == 130
    assert "Interrupted." in os.read(main, 10_000).decode()
    os.close(main)
    running.stdout.close()
