"""Whether more share the work: the same load with one, two and four drainers, and with one Redis and three nodes."""

import asyncio

from bench.messaging import Talk
from bench.rest import Rest
from bench.rows import Row, is_complete, progress, timed
from bench.servers import Meter, Usage, servers
from tests.redis_cluster import EmbeddedCluster
from tests.stack import Stack

DRAINERS = (1, 2, 4)
RATE = 300  # messages a second
PAIRS = 200  # of people, so that every partition has some
SECONDS = 40
IDLE_SECONDS = 5
SETTLE_SECONDS = 6  # until each drainer has partitions
EVEN = 0.2  # by which a share may differ from the even one
# One process each, so that each worker is one drainer.
WORKER = "exec celery --quiet -A bench.eager:app worker -Q chat -n {}@%h --concurrency 1"


def growth(scale: float) -> list[Row]:
    """The shares that one, two and four drainers, and one Redis and three nodes, have in the same work."""
    return [*(_shared_by(number, scale) for number in DRAINERS), _of_one_redis(scale), _of_nodes(scale)]


def _of_one_redis(scale: float) -> Row:
    progress("one Redis")
    with servers() as stack:
        return asyncio.run(_measured(stack, "Redis", ["redis"], scale))


def _of_nodes(scale: float) -> Row:
    progress("three nodes of Redis")
    with servers(embedded=EmbeddedCluster) as stack:
        assert isinstance(stack.embedded, EmbeddedCluster)
        names = [node.name for node in stack.embedded.cluster.nodes]
        return asyncio.run(_measured(stack, "nodes of Redis", names, scale))


def _shared_by(number: int, scale: float) -> Row:
    progress(f"{number} drainers")
    names = ["worker", *(f"worker {each}" for each in range(2, number + 1))]
    with servers(commands={"worker": WORKER.format("chat")}) as stack:
        for each in names[1:]:
            stack.processes[each] = stack.make_process(each, WORKER.format(each.replace(" ", "-")))
            stack.processes[each].start()
        return asyncio.run(_measured(stack, "drainers", names, scale))


async def _measured(stack: Stack, kind: str, names: list[str], scale: float) -> Row:
    async with Rest(stack.url) as rest:
        talk = Talk(rest, stack.url, by_socket=True)
        await talk.begin(PAIRS)
        await talk.at_rate(RATE, SETTLE_SECONDS)
        outcome, cpu = await timed(stack, talk, RATE, SECONDS * scale)
        talk.end()
        await asyncio.sleep(SETTLE_SECONDS)  # the drainers linger
        meter = Meter(stack)
        meter.start()
        await asyncio.sleep(IDLE_SECONDS)
        shares = _shares(names, cpu, meter.stop())
    even = 1 / len(names)
    return Row(
        f"{RATE} a second, {kind}: {len(names)}; the share of each in their CPU",
        f"{', '.join(f'{share:.0%}' for share in shares)} of {sum(cpu[name].cores for name in names):.2f} cores",
        f"within {EVEN:.0%} of an even share, none lost",
        is_complete(outcome) and all(abs(share - even) <= EVEN * even for share in shares),
        cpu,
    )


def _shares(names: list[str], cpu: dict[str, Usage], idle: dict[str, Usage]) -> list[float]:
    """Each process's part of what the load costs all of them, without what they use when there is nothing to do."""
    spent = [max(0.0, cpu[name].cores - idle[name].cores) for name in names]
    return [each / sum(spent) for each in spent]
