"""ejabberd and Prosody under the same load as ours, alternating in one run: `python -m bench peers`."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.load import Load, Outcome, Refused
from bench.messaging import Talk
from bench.peers.servers import PEERS, Missing, Peer, running
from bench.peers.xmpp import Client
from bench.rest import Rest
from bench.rows import PAIRS, Row, is_complete, milliseconds, percentiles, progress, timed
from bench.servers import Meter, Usage, servers
from tests.stack import Stack

ROUNDS = 2  # of each server; the better one counts, since a run on shared cores is mostly noise
SENDERS = 40  # of the closed loop
RATES = {10: 15.0, 300: 10.0, 1_000: 10.0}  # messages a second -> seconds
CLOSED = 0  # stands for the closed loop among the rates
CLOSED_SECONDS, WARM_UP_SECONDS = 10.0, 3.0
JOINING = 8  # at once
OURS = {"ours, by calls": False, "ours, over sockets": True}

Measured = tuple[Outcome, dict[str, Usage]]


class Chat(Load):
    """Pairs of people on an XMPP server, with a connection each. Nothing says that a message was accepted."""

    echoes = False

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self.pairs: list[tuple[Client, Client]] = []
        self.refused = 0

    async def begin(self, count: int) -> None:
        gate = asyncio.Semaphore(JOINING)

        async def join() -> Client:
            async with gate:
                return await Client.join(self._port, self._record)

        people = await asyncio.gather(*(join() for _ in range(2 * count)))
        self.pairs = list(zip(people[::2], people[1::2], strict=True))

    def _record(self, message_id: bytes, is_error: bool) -> None:
        if is_error:
            self.refused += 1
        else:
            self.note(message_id)

    async def send(self, client: str, number: int) -> None:
        if self.refused:
            raise Refused("the server sent an error back")
        sender, receiver = self.pairs[number % len(self.pairs)][:: 1 if number // len(self.pairs) % 2 else -1]
        sender.send(receiver, client, f"message {client} of the load")

    def end(self) -> None:
        for client in (each for pair in self.pairs for each in pair):
            client.close()


@dataclass
class Found:
    """What was measured of one server, by rate, and whether everything sent was in its archive afterwards."""

    runs: dict[int, list[Measured]] = field(default_factory=lambda: {rate: [] for rate in (CLOSED, *RATES)})
    archives: list[str] = field(default_factory=list)
    whole: bool = True


def peers(scale: float) -> list[Row]:
    """ejabberd, Prosody and ours, alternating: 40 messages on the way at once, and 10, 300 and 1,000 a second."""
    kinds, rows = [], []
    for kind in PEERS:
        try:
            kind.require()
            kinds.append(kind)
        except Missing as missing:
            rows.append(Row(kind.name, str(missing)))
    found = {name: Found() for name in (*(kind.name for kind in kinds), *OURS)}
    for number in range(ROUNDS):
        for kind in kinds:
            progress(f"{kind.name}, round {number + 1} of {ROUNDS}")
            with running(kind) as peer:
                asyncio.run(_peer(peer, found[kind.name], scale))
        progress(f"ours, round {number + 1} of {ROUNDS}")
        with servers() as stack:
            asyncio.run(_ours(stack, found, scale))
    return rows + [row for name, each in found.items() for row in _rows(name, each)]


async def _peer(peer: Peer, found: Found, scale: float) -> None:
    chat = Chat(peer.port)
    await chat.begin(PAIRS)
    await _loads(peer.pids, chat, found, scale)
    chat.end()
    archived = await asyncio.to_thread(peer.archived)
    found.archives.append(f"{archived:,} of {chat.accepted:,}")
    found.whole = found.whole and archived == chat.accepted


async def _ours(stack: Stack, found: Mapping[str, Found], scale: float) -> None:
    async with Rest(stack.url) as rest:
        for name, by_socket in OURS.items():
            talk = Talk(rest, stack.url, by_socket=by_socket)
            await talk.begin(PAIRS)
            await _loads(stack, talk, found[name], scale)
            talk.end()


async def _loads(who: Stack | Mapping[str, int], load: Load, found: Found, scale: float) -> None:
    await load.at_rate(100, WARM_UP_SECONDS)
    for rate, seconds in RATES.items():
        found.runs[rate].append(await timed(who, load, rate, seconds * scale))
    meter = Meter(who)
    meter.start()
    outcome = await load.at_full_speed(SENDERS, CLOSED_SECONDS * scale, until_received=True)
    found.runs[CLOSED].append((outcome, meter.stop()))


def _rows(name: str, found: Found) -> list[Row]:
    outcome, cpu = max(found.runs[CLOSED], key=lambda run: run[0].rate)
    rows = [
        Row(f"{name}: {SENDERS} on the way at once", f"{outcome.rate:,.0f} a second, {_cost(outcome, cpu)}", cpu=cpu)
    ]
    for rate in RATES:
        outcome, cpu = min(found.runs[rate], key=lambda run: run[0].percentile(99))
        both = percentiles(outcome.latencies)
        said = f"p50 {milliseconds(both['p50'])}, p99 {milliseconds(both['p99'])}, {_cost(outcome, cpu)}"
        rows.append(Row(f"{name}: {rate:,} a second", said, cpu=cpu, latencies=both))
    if found.archives:
        rows.append(Row(f"{name}: archived", "; ".join(found.archives), "all", found.whole))
    return rows


def _cost(outcome: Outcome, cpu: Mapping[str, Usage]) -> str:
    cores = sum(usage.cores for name, usage in cpu.items() if name != "load")
    lost = "" if is_complete(outcome) else f", {outcome.lost} lost, {outcome.refused} refused"
    return f"{cores * 1_000 / max(1.0, outcome.rate):.2f} ms of CPU each (load {cpu['load'].cores:.2f} cores){lost}"
