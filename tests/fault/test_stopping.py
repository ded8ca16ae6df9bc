"""SIGTERM to a transcriber in the middle of its work, as at each deploy."""

import shlex
import signal
import sys
import threading

import pytest

from chat.store import keys
from chat.store.connection import Stores
from tests.client import Client
from tests.deepgram_stand_in import Received
from tests.fault.conftest import System
from tests.recordings import spoken

pytestmark = pytest.mark.timeout(240)

GRACE = "2"  # seconds
STOP_SECONDS = 25.0  # platforms kill after 30
LONG_SECONDS = 50.0  # an attempt that takes longer
PREFORK = """
from workers.transcriber import app
app.conf.update(worker_pool="prefork", worker_concurrency=1)
app.worker_main("--quiet worker -Q transcription -n transcription@%h --without-gossip --without-mingle".split())
"""


@pytest.mark.parametrize("pool", ["threads", pytest.param("prefork", marks=pytest.mark.long)])
def test_a_transcriber_that_is_stopped_ends_in_time_and_its_attempt_does_not_count(
    system: System, client: Client, system_stores: Stores, pool: str
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    listening = ben.connect()
    begun = threading.Event()

    def note(_: Received) -> None:
        begun.set()

    command = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(PREFORK)}" if pool == "prefork" else ""
    with system.stack.another_transcriber({"SHUTDOWN_GRACE": GRACE}, command) as transcriber:
        system.deepgram.on_call, usual, system.deepgram.delay = note, system.deepgram.delay, LONG_SECONDS
        try:
            sent = ada.post(ben, audioFileId=ada.upload(spoken())["audioFileUuid"])["_id"]
            assert begun.wait(30)
            assert system_stores.redis.hget(keys.TRANSCRIPTION_ATTEMPTS, sent) == b"1"
            transcriber.signal(signal.SIGTERM)
            assert transcriber.wait(STOP_SECONDS) == 0
            assert system_stores.redis.hget(keys.TRANSCRIPTION_ATTEMPTS, sent) == b"0"
            system.deepgram.delay = usual
            transcriber.start()
            delivered = listening.wait_for_frame("application:messages", lambda data: data["_id"] == sent, 60)
            assert delivered["status"] == "delivered"
        finally:
            system.deepgram.on_call, system.deepgram.delay = None, usual
