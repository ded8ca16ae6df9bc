"""The first sync of a large archive, while people chat."""

import statistics
import time
from pathlib import Path

import pytest

from chat import ids
from chat.store import keys, partitions
from chat.store.connection import Stores
from dev.processes import wait_until
from tests.client import Client
from tests.fault.conftest import System
from tests.fault.traffic import RECOVERY_SECONDS, Traffic

MESSAGES = 100_000
BATCH = 5_000
MAX_GROWTH = 80 * 2**20  # bytes by which a worker may grow while it syncs


def resident(pid: int) -> int:
    """The resident memory of a process, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_first_sync_of_a_large_archive_disturbs_nobody_and_holds_little_memory(
    system: System, system_stores: Stores, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    conversation = ids.conversation_id(ada.id, ben.id)
    begin = int(time.time() * 1_000) - MESSAGES * 10 - 60_000
    for start in range(0, MESSAGES, BATCH):
        system_stores.mongo.messages.insert_many(
            {
                "_id": ids.message_id(f"{begin + number * 10}-0", f"{number:016x}"),
                "conversation": conversation,
                "senderId": ada.id,
                "receiverId": ben.id,
                "dateSent": ids.timestamp(begin + number * 10),
                "text": f"archived message number {number}",
                "status": "delivered",
                "revision": 1,
            }
            for number in range(start, start + BATCH)
        )
    system.stack.redis.kill()
    system.stack.redis.lose_data()
    system.stack.redis.restart()
    system.wait_ready()
    children = system.process("worker").children()
    before = {pid: resident(pid) for pid in children}
    most = dict(before)

    def complete() -> bool:
        for pid in children:
            most[pid] = max(most[pid], resident(pid))
        return bool(system_stores.redis.exists(keys.HOT_COMPLETE))

    with Traffic(system.urls, pairs=3, rate=10, voice_every=0) as traffic:
        started = time.monotonic()
        wait_until(complete, 300, "the sync")
        took = time.monotonic() - started
        traffic.verify()
        delays = sorted(
            listener.times[message_id] - accepted
            for pair in traffic.pairs
            for listener in pair.listeners
            for message_id, accepted in pair.posted.items()
            if message_id in listener.times
        )
    grown = max(most[pid] - before[pid] for pid in children)
    with capsys.disabled():
        print(
            f"\n{MESSAGES:,} messages in {took:.0f} s; workers grew {grown / 2**20:.0f} MB; post to socket meanwhile: "
            f"median {statistics.median(delays) * 1_000:.0f} ms, 99th {delays[int(len(delays) * 0.99)] * 1_000:.0f} ms"
        )
    assert grown < MAX_GROWTH
    count = system_stores.redis.zcard(partitions.conversation_key(system_stores, conversation))
    assert count == MESSAGES
    wait_until(lambda: len(ada.get("/search", q="archived")) == 20, RECOVERY_SECONDS, "the index")
