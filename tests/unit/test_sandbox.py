"""A recording that does harm costs itself: its process is confined, bounded, and gone when nobody needs it."""

import errno
import io
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chat.errors import ChatError, StorageFull, TooLarge, Unavailable, UnsupportedMedia
from chat.media import sandbox as module
from chat.media.pieces import RATE, SAMPLE_BYTES
from chat.media.sandbox import Prepared, Sandbox
from dev.processes import wait_until
from tests import recordings

# A fork server whose jobs misbehave: what a recording could make FFmpeg do.
MISBEHAVING = """
import ctypes, os, socket, subprocess, threading, time
from chat.media import forkserver, jobs, pieces

def loop(files, options, answer):
    while True: pass

def sleep(files, options, answer):
    time.sleep(600)

def eat(files, options, answer):
    found = []
    while True: found.append(bytearray(2**20))

def crash(files, options, answer):
    ctypes.string_at(0)

def write(files, options, answer):
    while True: os.write(files[0], bytes(2**16))

def raises(files, options, answer):
    raise RuntimeError("a fault of ours")

def pour(files, options, answer):
    while True: pieces.write(answer, pieces.DATA, bytes(32_000))

def attempt(files, options, answer):
    def run(what):
        try:
            what()
        except BaseException as error:
            return getattr(error, "errno", None) or type(error).__name__
        return "done"
    libc = ctypes.CDLL(None, use_errno=True)
    def execute():
        os.execv("/bin/true", ["true"])
    attempts = {
        "read a file": lambda: open("/etc/passwd").read(),
        "write a file": lambda: open("/tmp/chattergram-escaped", "w"),
        "list a folder": lambda: os.listdir("/"),
        "look at a file": lambda: os.stat("/etc/passwd"),
        "a socket": socket.socket,
        "a pair of them": socket.socketpair,
        "fork": os.fork,
        "execute": execute,
        "a thread": lambda: threading.Thread(target=print).start(),
        "kill": lambda: os.kill(os.getppid(), 0),
        "raise a limit": lambda: __import__("resource").setrlimit(0, (1000, 1000)),
        "another user": lambda: os.setuid(12345),
    }
    found = {name: run(what) for name, what in attempts.items()}
    return {"mimetype": "", "duration": 0, "peaks": found, "playable": True}

def surroundings(files, options, answer):
    return {"mimetype": "", "duration": 0, "peaks": dict(os.environ), "playable": True}

jobs.JOBS.update(
    {name: globals()[name] for name in "loop sleep eat crash write raises pour attempt surroundings".split()}
)
forkserver.main()
"""


class Misbehaving(Sandbox):
    """Runs another job than it is asked for."""

    program = ("-c", MISBEHAVING)

    def __init__(self, job: str, **places: int) -> None:
        super().__init__(**places)
        self._other = job

    def _job(self, name, *arguments):
        return super()._job(self._other or name, *arguments)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def misbehaving() -> Iterator[Misbehaving]:
    made = Misbehaving("")
    yield made
    made.stop()


def prepare(sandbox: Sandbox, content: bytes = b"") -> Prepared:
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(content)
        source.flush()
        return sandbox.prepare(source, target, 600)


def refusal(sandbox: Misbehaving, job: str) -> ChatError:
    sandbox._other = job
    with pytest.raises(ChatError) as raised:
        prepare(sandbox)
    wait_until(lambda: children(sandbox) == [], 10, "the end of the process")
    return raised.value


def server(sandbox: Sandbox) -> int:
    """The pid of the fork server."""
    assert sandbox._process is not None
    return sandbox._process.pid


def children(sandbox: Sandbox) -> list[int]:
    pid = server(sandbox)
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- Confined


def test_a_process_that_reads_a_recording_reaches_no_file_no_network_and_no_process(misbehaving: Misbehaving) -> None:
    misbehaving._other = "attempt"
    attempts = dict(prepare(misbehaving).peaks)
    assert attempts.pop("a thread") == "RuntimeError"  # Python's names for the same
    assert attempts.pop("raise a limit") == "ValueError"
    assert set(attempts.values()) == {errno.EPERM}, attempts


def test_it_knows_none_of_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "never to be seen by FFmpeg")
    sandbox = Misbehaving("surroundings")
    found = dict(prepare(sandbox).peaks)
    sandbox.stop()
    assert "PATH" in found
    assert "SECRET_KEY" not in found


# --- Bounded


def test_memory_processor_time_time_and_file_size_are_bounded(
    misbehaving: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MEASURE_CPU_SECONDS", 1)
    assert isinstance(refusal(misbehaving, "eat"), TooLarge)
    assert isinstance(refusal(misbehaving, "loop"), TooLarge)
    assert isinstance(refusal(misbehaving, "write"), TooLarge)
    monkeypatch.setattr(module, "PREPARE_SECONDS", 0.2)
    assert isinstance(refusal(misbehaving, "sleep"), Unavailable)


def test_a_crash_costs_one_recording(misbehaving: Misbehaving) -> None:
    assert isinstance(refusal(misbehaving, "crash"), UnsupportedMedia)
    before = server(misbehaving)
    misbehaving._other = ""
    assert prepare(misbehaving, recordings.spoken()).duration == pytest.approx(6.05, abs=0.1)
    assert server(misbehaving) == before


def test_a_fault_of_ours_costs_one_recording_too(misbehaving: Misbehaving) -> None:
    assert isinstance(refusal(misbehaving, "raises"), UnsupportedMedia)


def test_a_full_disk_is_said(sandbox: Sandbox) -> None:
    with tempfile.TemporaryFile() as source, Path("/dev/full").open("r+b", buffering=0) as full:
        source.write(recordings.encoded("adts", "aac"))
        source.flush()
        with pytest.raises(StorageFull):
            sandbox.prepare(source, full, 600)


# --- As many as there are places


def test_more_recordings_than_places_wait_and_more_than_may_wait_are_refused() -> None:
    sandbox = Misbehaving("", at_once=1, waiting=3)
    with ThreadPoolExecutor(8) as pool:
        served = [pool.submit(prepare, sandbox, recordings.spoken()) for _ in range(4)]
        assert {each.result().mimetype for each in served} == {"audio/webm"}

        sandbox._other = "sleep"
        held = [pool.submit(prepare, sandbox) for _ in range(4)]
        wait_until(lambda: sandbox.measuring.taken == 4 and len(children(sandbox)) == 1, 10, "all places to be taken")
        with pytest.raises(Unavailable) as raised:
            prepare(sandbox)
        assert raised.value.retry_after > 0

        def let_go() -> bool:
            for child in children(sandbox):
                os.kill(child, signal.SIGKILL)
            return sandbox.measuring.taken == 0

        wait_until(let_go, 20, "the end of those who waited")
        assert all(isinstance(each.exception(), UnsupportedMedia) for each in held)
    sandbox.stop()


def test_who_converts_does_not_hold_up_who_needs_not() -> None:
    sandbox = Misbehaving("", at_once=2, waiting=0)
    with ThreadPoolExecutor(1) as pool, sandbox.converting.one():
        with pytest.raises(Unavailable):
            prepare(sandbox, recordings.encoded("adts", "aac"))
        assert pool.submit(prepare, sandbox, recordings.spoken()).result().mimetype == "audio/webm"
    assert prepare(sandbox, recordings.encoded("adts", "aac")).converted
    sandbox.stop()


def test_whoever_waits_too_long_for_a_place_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.05)
    sandbox = Misbehaving("sleep", at_once=1)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(prepare, sandbox)
        # A fork server that begins has children of its own for a moment.
        wait_until(lambda: sandbox._heard and len(children(sandbox)) == 1, 10, "the place to be taken")
        with pytest.raises(Unavailable):
            prepare(sandbox)
        os.kill(children(sandbox)[0], signal.SIGKILL)
        assert isinstance(held.exception(), UnsupportedMedia)
    sandbox.stop()


# --- Gone


def test_a_fork_server_that_was_killed_is_replaced(sandbox: Sandbox) -> None:
    sandbox.start()
    prepare(sandbox, recordings.spoken())
    before = server(sandbox)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: not alive(before), 10, "the end of the fork server")
    assert prepare(sandbox, recordings.spoken()).duration == pytest.approx(6.05, abs=0.1)
    assert server(sandbox) != before


def test_what_a_killed_fork_server_had_begun_ends_with_it() -> None:
    looping = Misbehaving("loop", at_once=1)
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(prepare, looping)
        wait_until(lambda: looping._heard and len(children(looping)) == 1, 10, "a child")
        child = children(looping)[0]
        os.kill(server(looping), signal.SIGKILL)
        wait_until(lambda: not alive(child), 10, "the end of the child")
        assert isinstance(lost.exception(), Unavailable)
    looping.stop()


def test_it_is_told_to_end_by_nothing_but_the_end_of_its_user(sandbox: Sandbox) -> None:
    prepare(sandbox, recordings.spoken())
    for number in (signal.SIGTERM, signal.SIGINT):  # as platforms and terminals send to everybody
        os.kill(server(sandbox), number)
    before = server(sandbox)
    assert prepare(sandbox, recordings.spoken()).duration
    assert server(sandbox) == before


USER = """
import sys, tempfile, threading
sys.path.insert(0, {tests!r})
from tests.unit.test_sandbox import Misbehaving, prepare, server, children
from dev.processes import wait_until
sandbox = Misbehaving("loop")
threading.Thread(target=prepare, args=(sandbox,), daemon=True).start()
wait_until(lambda: sandbox._heard and children(sandbox), 20, "a child")
print(server(sandbox), children(sandbox)[0], flush=True)
threading.Event().wait()
"""


def test_a_killed_user_leaves_no_process_behind() -> None:
    root = str(Path(__file__).resolve().parent.parent.parent)
    user = subprocess.Popen([sys.executable, "-c", USER.format(tests=root)], stdout=subprocess.PIPE, cwd=root)
    assert user.stdout is not None
    pids = [int(pid) for pid in user.stdout.readline().split()]
    assert len(pids) == 2
    user.kill()
    user.wait()
    user.stdout.close()
    for pid in pids:
        wait_until(lambda pid=pid: not alive(pid), 10, "the end of what it started")


def test_whoever_stops_listening_ends_the_decoding(misbehaving: Misbehaving) -> None:
    misbehaving._other = "pour"
    with tempfile.TemporaryFile() as source:
        samples = misbehaving.speech(source, 600)
        assert len(next(samples)) == 32_000
        assert len(children(misbehaving)) == 1
        samples.close()
        wait_until(lambda: children(misbehaving) == [], 10, "the end of the process")


def test_a_fork_of_its_user_starts_a_fork_server_of_its_own(sandbox: Sandbox) -> None:
    prepare(sandbox, recordings.spoken())
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            prepare(sandbox, recordings.spoken())
            os.write(writing, str(server(sandbox)).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    others = int(os.read(reading, 20))
    os.close(reading)
    os.close(writing)
    assert others != server(sandbox)
    wait_until(lambda: not alive(others), 10, "the end of the other")
    assert prepare(sandbox, recordings.spoken()).duration


# --- Decoded


@pytest.mark.parametrize(("name", "mimetype", "seconds"), recordings.FORMATS)
def test_every_format_is_decoded_as_it_is_taken(sandbox: Sandbox, name: str, mimetype: str, seconds: float) -> None:
    with io.BytesIO(recordings.spoken(name)) as content, tempfile.TemporaryFile() as source:
        source.write(content.read())
        source.flush()
        heard = sum(map(len, sandbox.speech(source, 600)))
    assert heard / (RATE * SAMPLE_BYTES) == pytest.approx(seconds, abs=0.15)


def test_a_long_recording_is_decoded_in_little_memory(sandbox: Sandbox) -> None:
    with tempfile.TemporaryFile() as source:
        source.write(recordings.silence(600.0, 8_000))
        source.flush()
        for _ in sandbox.speech(source, 10):  # what is loaded once
            pass
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert sum(map(len, sandbox.speech(source, 600))) == 600 * RATE * SAMPLE_BYTES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4 * 1024  # KiB; the samples are 19 MB


def test_many_threads_share_one_fork_server(sandbox: Sandbox) -> None:
    barrier = threading.Barrier(6)

    def run(_: int) -> float:
        barrier.wait()
        with tempfile.TemporaryFile() as source:
            source.write(recordings.spoken())
            source.flush()
            return sum(map(len, sandbox.speech(source, 600))) / (RATE * SAMPLE_BYTES)

    with ThreadPoolExecutor(6) as pool:
        assert all(seconds == pytest.approx(6.05, abs=0.1) for seconds in pool.map(run, range(6)))
