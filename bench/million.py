"""Many people connected, simulated from what was measured: `python -m bench million`. Starts no server.

Two parts. *Walls*: for how many people each part is full, by its measured cost. *Latency*: messages arrive at random
and queue for a web process, for Redis, for a drainer, which takes all that waits as one group, and for Redis and the
receiver's web process again; each takes its measured time. Nothing else is simulated: no network, no disk, and every
process has a core of its own.
"""

import heapq
import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.load import percentile
from bench.report import FOLDER
from bench.rows import Row, milliseconds, progress

PEOPLE = 1_000_000
MOST = 100_000_000  # people; what is not full by then has no wall here
# How people use it, in the evening
MESSAGE_SECONDS = 300.0  # between two messages of one person
MESSAGES_A_DAY = 20
STAY_SECONDS = 1_800.0  # after which somebody goes; each visit is two changes of presence
PARTNERS = 100  # of one person
GROUP = 200  # messages, as in `chat.messages.draining`
SIMULATED_SECONDS = 10.0


@dataclass(frozen=True)
class Costs:
    """Milliseconds of one core, bytes. Times of a message and memory of a socket are measured by `make bench`.

    How a drain's time divides into a message's and a group's, and how large a frame is, are assumptions.
    """

    web_ms: float = 0.37  # a message over a socket, with its two frames
    web_seen_ms: float = 0.02  # a message for nobody on this process
    idle_share: float = 0.000004  # of a core, for an idle socket
    drain_each_ms: float = 0.07  # a message in a full group
    drain_group_ms: float = 0.7  # a group, however small it is
    redis_ms: float = 0.10  # a message: accepted, stored, delivered
    redis_publish_ms: float = 0.0004  # the same for each web process that is subscribed
    redis_bus_ms: float = 0.02  # the same for each node of a cluster, to which it is passed on
    mongod_ms: float = 0.07
    socket_bytes: int = 36_000
    message_bytes: int = 2_000  # in Redis, with lists and indexes
    frame_bytes: int = 500  # a message on its way to a web process
    presence_bytes: int = 2_700  # a change of presence on its way, with 100 recipients
    presence_frames: int = 20_000  # `PRESENCE_FRAMES_PER_SECOND` of one web process


@dataclass(frozen=True)
class Setup:
    """What is run. Web processes are as many as their sockets need."""

    name: str
    drainers: int
    sockets_a_process: int = 10_000
    hot_days: int = 90
    contacts: bool = False  # PRESENCE=contacts
    nodes: int = 1  # of Redis
    redis_bytes: float = 64e9  # memory of each
    redis_network: float = 1.25e9  # bytes a second of each: 10 Gbit/s


SETUPS = (
    Setup("the defaults, one drainer", 1),
    Setup("PRESENCE=contacts, HOT_WINDOW_DAYS=2, one drainer", 1, hot_days=2, contacts=True),
    Setup("the same, 16 drainers (computed)", 16, hot_days=2, contacts=True),
    Setup("the same on ten nodes of Redis (computed)", 16, hot_days=2, contacts=True, nodes=10),
)


def measured() -> Costs:
    """The costs, with those of the last `make bench maximum` where there is one."""
    file = FOLDER / "numbers.json"
    rows = json.loads(file.read_text()).get("maximum", []) if file.exists() else []
    for row in rows:
        if "ours, over sockets" in row["what"] and row["cpu"].get("web"):
            rate = float(row["measured"].split()[0].replace(",", ""))
            return replace(Costs(), web_ms=row["cpu"]["web"] * 1_000 / rate)
    return Costs()


def used(people: float, setup: Setup, costs: Costs) -> dict[str, float]:
    """The share of each part that so many people use; from 1 on it is full."""
    rate = people / MESSAGE_SECONDS
    processes = max(1.0, people / setup.sockets_a_process)
    own = min(people, setup.sockets_a_process)
    changes = 2 * people / STAY_SECONDS
    frames = changes * (PARTNERS / processes if setup.contacts else own)
    read = changes * costs.presence_bytes if setup.contacts else 0.0
    return {
        "presence: frames of one web process": frames / costs.presence_frames,
        "a web process: its sockets, its share of the messages, and a look at all others": (
            own * costs.idle_share + (rate / processes * costs.web_ms + rate * costs.web_seen_ms) / 1_000
        ),
        "drainers, in full groups": rate
        * (costs.drain_each_ms + costs.redis_ms + costs.mongod_ms)
        / 1_000
        / setup.drainers,
        "Redis: one core of each node": rate * _redis_ms(processes, setup, costs) / 1_000,
        "Redis: memory": people
        * MESSAGES_A_DAY
        * setup.hot_days
        * costs.message_bytes
        / setup.redis_bytes
        / setup.nodes,
        # Each node sends everything to its share of the web processes, and its share of everything to all other nodes.
        "Redis: network to the web processes": (processes / setup.nodes + (setup.nodes - 1) / setup.nodes)
        * (rate * costs.frame_bytes + read)
        / setup.redis_network,
        "MongoDB: one core": rate * costs.mongod_ms / 1_000,
    }


def _redis_ms(processes: float, setup: Setup, costs: Costs) -> float:
    """What a message costs each node: its share of the work, and of telling the web processes."""
    bus = costs.redis_bus_ms if setup.nodes > 1 else 0.0
    return (costs.redis_ms + processes * costs.redis_publish_ms) / setup.nodes + bus


def walls(setup: Setup, costs: Costs) -> list[tuple[float, str]]:
    """For each part the number of people with which it is full, the lowest first."""

    def full_at(part: str) -> float:
        low, high = 1.0, float(MOST)
        while high / low > 1.01:
            middle = (low * high) ** 0.5
            low, high = (low, middle) if used(middle, setup, costs)[part] >= 1 else (middle, high)
        return high

    return sorted((full_at(part), part) for part in used(1, setup, costs))


class _Server:
    """Does one thing after the other, each in its turn."""

    def __init__(self) -> None:
        self.free_at = 0.0

    def finish(self, now: float, milliseconds_needed: float) -> float:
        self.free_at = max(self.free_at, now) + milliseconds_needed / 1_000
        return self.free_at


class _Simulation:
    """Events in the order of their time. A drainer works on a group at a time; all others on a message at a time."""

    def __init__(self, people: float, setup: Setup, costs: Costs, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._costs = costs
        self._rate = people / MESSAGE_SECONDS
        self._webs = [_Server() for _ in range(max(1, round(people / setup.sockets_a_process)))]
        self._redis = [_Server() for _ in range(setup.nodes)]
        self._waiting: list[deque[float]] = [deque() for _ in range(setup.drainers)]
        self._draining = [False] * setup.drainers
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._number = 0
        self.latencies: list[float] = []
        # What a process spends on others' messages and on idle sockets makes it that much slower for its own.
        seen = self._rate * costs.web_seen_ms / 1_000 + setup.sockets_a_process * costs.idle_share
        self._web_ms = costs.web_ms / max(0.01, 1 - seen)
        # Whichever node publishes, each of them passes it on.
        self._publish_ms = len(self._webs) * costs.redis_publish_ms / setup.nodes
        self._bus_ms = costs.redis_bus_ms if setup.nodes > 1 else 0.0

    def run(self, seconds: float) -> list[float]:
        now = 0.0
        while (now := now + self._random.expovariate(self._rate)) < seconds:
            self._at(now, self._sent)
        while self._events:
            at, _, event = heapq.heappop(self._events)
            event(at)
        return self.latencies

    def _at(self, when: float, event: Callable[[float], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (when, self._number, event))

    def _sent(self, began: float) -> None:
        done = self._random.choice(self._webs).finish(began, self._web_ms * 2 / 3)
        which = self._random.randrange(len(self._waiting))

        def accept(now: float) -> None:
            self._at(self._node_of(which).finish(now, self._costs.redis_ms / 3), self._accepted(which, began))

        self._at(done, accept)

    def _node_of(self, which: int) -> _Server:
        return self._redis[which % len(self._redis)]

    def _accepted(self, which: int, began: float) -> Callable[[float], None]:
        def event(now: float) -> None:
            self._waiting[which].append(began)
            if not self._draining[which]:
                self._take(which, now)

        return event

    def _take(self, which: int, now: float) -> None:
        waiting = self._waiting[which]
        group = [waiting.popleft() for _ in range(min(GROUP, len(waiting)))]
        self._draining[which] = bool(group)
        if group:
            done = now + (self._costs.drain_group_ms + len(group) * self._costs.drain_each_ms) / 1_000
            self._at(done, lambda then: self._stored(which, group, then))

    def _stored(self, which: int, group: list[float], now: float) -> None:
        each = self._costs.redis_ms * 2 / 3 + self._publish_ms
        for node in self._redis:
            node.finish(now, len(group) * self._bus_ms)
        done = self._node_of(which).finish(now, len(group) * each)
        self._at(done, lambda then: self._take(which, then))
        for began in group:
            self._at(done, self._published(began))

    def _published(self, began: float) -> Callable[[float], None]:
        def event(now: float) -> None:
            self.latencies.append(self._random.choice(self._webs).finish(now, self._web_ms / 3) - began)

        return event


def million(scale: float) -> list[Row]:
    """One million people connected, simulated from measured costs: which part is full first, and what latency is."""
    costs, rows = measured(), []
    for setup in SETUPS:
        for number, (people, part) in enumerate(walls(setup, costs), 1):
            reached = f"{people:,.0f} people" if people < MOST * 0.99 else "none"
            rows.append(Row(f"{setup.name}: wall {number}, {part}", reached))
        progress(f"simulating {PEOPLE:,} people, {setup.name}")
        latencies = _Simulation(PEOPLE, setup, costs).run(SIMULATED_SECONDS * scale)
        both = {f"p{percent}": percentile(latencies, percent) for percent in (50, 99)}
        said = f"p50 {milliseconds(both['p50'])}, p99 {milliseconds(both['p99'])} for {len(latencies):,} messages"
        rows.append(Row(f"{setup.name}: from post to socket with {PEOPLE:,} people", said))
    return rows
