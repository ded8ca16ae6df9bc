"""A Redis Cluster on this machine: nodes that own the keys, and replicas that take over from them.

With `TEST_REDIS=cluster` in the environment, every test that would have a single Redis has a cluster.
"""

import contextlib
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from dev.embedded import Embedded, RedisServer
from dev.processes import LOOPBACK, free_port, wait_until

WANTED = os.environ.get("TEST_REDIS") == "cluster"
SLOTS = 16_384
NODES = 3
SECONDS = 60.0
NODE_TIMEOUT_MS = 2_000  # after which the others take a node for dead


class Node(RedisServer):
    protected = False

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(name, folder / name, folder / f"{name}.log")
        self._bus = 0

    def arguments(self) -> list[str]:
        self._bus = free_port(self._bus)
        options = {
            "cluster-enabled": "yes",
            "cluster-config-file": "nodes.conf",
            "cluster-node-timeout": str(NODE_TIMEOUT_MS),
            "cluster-port": str(self._bus),
            "cluster-allow-replica-migration": "no",
            "enable-debug-command": "local",
        }
        return [*super().arguments(), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def ask(self, *command: str | int) -> bytes:
        """What the node says to a command of `CLUSTER`; nothing if it says nothing."""
        with self.client() as client:
            try:
                return bytes(client.execute_command("CLUSTER", *command, NEVER_DECODE=True))
            except redis.RedisError:
                return b""

    @property
    def id(self) -> str:
        return self.ask("MYID").decode()

    @property
    def is_primary(self) -> bool:
        with self.client() as client, contextlib.suppress(redis.RedisError):
            return client.info("replication")["role"] == "master"
        return False

    @property
    def primary_port(self) -> int:
        """That of the node this is a replica of; 0 if it is none."""
        with self.client() as client, contextlib.suppress(redis.RedisError):
            return int(client.info("replication").get("master_port", 0))
        return 0

    @property
    def has_replica(self) -> bool:
        with self.client() as client:
            return client.info("replication")["connected_slaves"] > 0

    @property
    def is_synchronous(self) -> bool:
        """Whether this replica has all that its primary has, and gets what comes."""
        with self.client() as client, contextlib.suppress(redis.RedisError):
            return client.info("replication").get("master_link_status") == "up"
        return False

    def lose_data(self) -> None:
        """All it has stored, but not who it is in the cluster."""
        config = (self.data / "nodes.conf").read_bytes()
        super().lose_data()
        (self.data / "nodes.conf").write_bytes(config)


class Cluster:
    """Three nodes and, beside them, the single Redis that is Celery's broker.

    Has the methods of a `RedisServer` that the tests use.
    """

    name = "Redis Cluster"

    def __init__(self, folder: Path, replicas: int = 0) -> None:
        """`replicas` is how many each of the three nodes has."""
        self.broker = RedisServer("Broker", folder / "broker", folder / "broker.log")
        self.primaries = [Node(folder, f"node{number}") for number in range(NODES)]
        self.replicas = [Node(folder, f"replica{number}") for number in range(NODES * replicas)]

    @property
    def nodes(self) -> list[Node]:
        return [*self.primaries, *self.replicas]

    def url(self, database: int = 0) -> str:
        """The address for `REDIS_URL`; of another database, that of the broker."""
        if database:
            return self.broker.url(database)
        hosts = ",".join(f"{LOOPBACK}:{node.port}" for node in self.primaries[:2])  # they tell of the others
        return f"redis+cluster://{hosts}"

    def start(self) -> None:
        """Starts the nodes and makes a cluster of them."""
        self._start_servers()
        first = self.nodes[0]
        for number, node in enumerate(self.nodes):
            node.ask("SET-CONFIG-EPOCH", number + 1)
        for number, node in enumerate(self.primaries):
            node.ask("ADDSLOTSRANGE", SLOTS * number // NODES, SLOTS * (number + 1) // NODES - 1)
        for node in self.nodes[1:]:
            node.ask("MEET", LOOPBACK, first.port, first._bus)
        wait_until(lambda: all(self._knows_all(node) for node in self.nodes), SECONDS, "the nodes to meet")
        for node, primary in zip(self.replicas, itertools.cycle(self.primaries), strict=False):
            node.ask("REPLICATE", primary.id)
        self.wait_ready()

    def _start_servers(self) -> None:
        stopped = [server for server in (*self.nodes, self.broker) if not server.running]
        for server in stopped:
            server.start()
        for server in stopped:
            server.wait_until_ready()

    def _knows_all(self, node: Node) -> bool:
        known = node.ask("NODES").decode().splitlines()
        return len(known) == len(self.nodes) and not any("handshake" in line or "noaddr" in line for line in known)

    def wait_ready(self) -> None:
        """Waits until all slots have a node, and every replica has what its node has."""
        wait_until(lambda: all(b"cluster_state:ok" in node.ask("INFO") for node in self.nodes), SECONDS, "all slots")
        wait_until(self._is_replicated, SECONDS, "the replicas to have everything")

    def _is_replicated(self) -> bool:
        roles = [node.is_primary for node in self.nodes]
        others = [node for node, is_primary in zip(self.nodes, roles, strict=True) if not is_primary]
        return len(others) == len(self.replicas) and all(node.is_synchronous for node in others)

    def begin_move(self, key: str, target: Node) -> None:
        """Moves what is in the slot of this key to another node, to which the slot does not belong yet."""
        source, slot = self.owner_of(key), key_slot(key.encode())
        target.ask("SETSLOT", slot, "IMPORTING", source.id)
        source.ask("SETSLOT", slot, "MIGRATING", target.id)
        with source.client() as client:
            if names := client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1_000):
                client.migrate(LOOPBACK, target.port, names, 0, 5_000)

    def move(self, key: str) -> None:
        """Moves the slot of this key, and what is in it, to another node."""
        source = self.owner_of(key)
        target = next(node for node in self.nodes if node is not source and node.is_primary)
        self.begin_move(key, target)
        for node in (target, source):
            node.ask("SETSLOT", key_slot(key.encode()), "NODE", target.id)

    def join(self, folder: Path, name: str) -> Node:
        """Starts one more node, which has no slots, for the caller to stop."""
        node = Node(folder, name)
        node.start()
        node.wait_until_ready()
        node.ask("MEET", LOOPBACK, self.nodes[0].port, self.nodes[0]._bus)
        wait_until(lambda: all(node.id.encode() in each.ask("NODES") for each in self.nodes), SECONDS, "its meeting")
        wait_until(lambda: b"cluster_state:ok" in node.ask("INFO"), SECONDS, "it to know all slots")
        return node

    def break_links(self) -> None:
        """Breaks the links between all nodes, with what is on them; they are made anew at once."""
        for node in self.nodes:
            with node.client() as client:
                for other in self.nodes:
                    for direction in ("FROM", "TO"):
                        client.execute_command("DEBUG", "CLUSTERLINK", "KILL", direction, other.id)

    def find_owner(self, key: str) -> Node | None:
        """The node that has this key now; None while there is none."""
        for node in self.nodes:
            if node.running and node.is_primary:
                with node.client() as client, contextlib.suppress(redis.RedisError):
                    client.exists(key)
                    return node
        return None

    def owner_of(self, key: str) -> Node:
        node = self.find_owner(key)
        assert node is not None, f"no node has {key}"
        return node

    def client(self) -> Any:
        """Returns a client of one node, for the caller to close."""
        return self.primaries[0].client()

    @property
    def servers(self) -> list[RedisServer]:
        return [*self.nodes, self.broker]

    @property
    def running(self) -> bool:
        return all(server.running for server in self.servers)

    def kill(self) -> None:
        for server in self.servers:
            server.kill()

    def lose_data(self) -> None:
        for server in self.servers:
            server.lose_data()

    def restart(self) -> None:
        """Starts whatever is not running, on the same ports, and waits until the cluster can be used."""
        self._start_servers()
        self.wait_ready()

    def wait_until_ready(self) -> None:
        """`start` and `restart` have waited."""

    def signal(self, number: int) -> None:
        for server in self.servers:
            server.signal(number)

    def stop(self) -> None:
        self.signal(15)
        for server in self.servers:
            server.stop()

    def log_tail(self, lines: int = 25) -> str:
        return "\n".join(server.log_tail(lines) for server in self.servers)

    def output(self) -> str:
        return "\n".join(server.output() for server in self.servers)


class EmbeddedCluster(Embedded):
    """A cluster in place of the single Redis."""

    def __init__(self, folder: Path, *, with_redis: bool = True, with_mongodb: bool = True, replicas: int = 0) -> None:
        super().__init__(folder, with_redis=with_redis, with_mongodb=with_mongodb)
        self.cluster = Cluster(folder / "cluster", replicas)

    def make_redis(self, log: Path, lock: Sequence[int]) -> Any:
        return self.cluster


def embedded(folder: Path, **options: bool) -> Embedded:
    """The embedded servers that the tests are to use."""
    return (EmbeddedCluster if WANTED else Embedded)(folder, **options)
