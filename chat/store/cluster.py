"""A Redis Cluster, used like a single Redis: each command goes to the node that has its keys.

redis-py knows the nodes and follows them when they change. What this adds: transactions and scripts as with a single
Redis; commands with keys of several slots, which are split; and commands that concern one node (`nodes`, `node_of`).

Code that works with both asks the functions here instead of looking at the kind of its client.
"""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NoReturn, cast

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.cluster import ClusterNode
from redis.cluster import ClusterPipeline as NodesPipeline
from redis.commands.policies import CommandPolicies, PolicyResolver
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    RedisClusterException,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoReply
from redis.retry import Retry

from chat.store import slots
from chat.store.pool import Pool
from chat.store.slots import Command
from config.addresses import Cluster as Address

KEYS_TRIED = 5_000  # far more than it takes to find one on each of some hundred nodes
AWAY_SECONDS = 1.0  # for how long nobody is asked again after no node said which there are
REPLICATION_MS = 1_000  # how long a pipeline waits for replicas

Stacked = tuple[Command, dict[str, Any]]  # a command with redis-py's options for reading its reply

# What a node says, or does not, while others take over what it had
_ELSEWHERE = (NoConnection, NoReply, MovedError, AskError, TryAgainError, ClusterDownError)


class NotACluster(RedisError):
    """The server is a Redis, but none that has others beside it."""


def has_slots(redis: Redis) -> bool:
    """Whether one command cannot read keys of several hash tags."""
    return isinstance(redis, Cluster)


def nodes(redis: Redis) -> list[Redis]:
    """Clients of all nodes that own keys; of a single Redis, that one. To be called within `each_asked`.

    Raises RedisError if none says which there are.
    """
    return redis.nodes() if isinstance(redis, Cluster) else [redis]


def node_of(redis: Redis, key: str) -> Redis:
    """A client of the node that has this key, or would have it. Raises RedisError."""
    return redis.node_of(key) if isinstance(redis, Cluster) else redis


def key_on_each(redis: Redis, name: Callable[[int], str]) -> dict[Redis, str]:
    """A key on each node, which `name` makes of a number. Raises RedisError."""
    found: dict[Redis, str] = {}
    everyone = nodes(redis)
    for number in range(KEYS_TRIED):
        if len(found) == len(everyone):
            break
        key = name(number)
        found.setdefault(node_of(redis, key), key)
    return found


def execute(pipe: Pipeline, replicas: int = 0) -> tuple[list[Any], bool]:
    """Executes a pipeline without a transaction.

    Returns the replies, with errors among them, and whether so many replicas have all of it, after a second at most.
    Raises RedisError.
    """
    if isinstance(pipe, ClusterPipeline):
        return pipe.execute_replicated(replicas)
    if replicas:
        pipe.execute_command("WAIT", replicas, REPLICATION_MS)
    replies = list(pipe.execute(raise_on_error=False))
    return (replies[:-1], _reaches(replies[-1], replicas)) if replicas else (replies, True)


@contextlib.contextmanager
def each_asked(redis: Redis) -> Iterator[None]:
    """Around calls to single nodes: should one fail, which node has what is asked again, for the next time."""
    try:
        yield
    except RedisError:
        if isinstance(redis, Cluster):
            redis.find_nodes()
        raise


def scan(redis: Redis, at: str, **options: Any) -> tuple[list[bytes], str]:
    """A page of keys, and where the next one begins; '' at the beginning and after the last. Raises RedisError.

    Whatever is there from the first page to the last is found, perhaps more than once.
    """
    if isinstance(redis, Cluster):
        return redis.scan_page(at, **options)
    cursor, page = redis.scan(int(at or 0), **options)
    return page, str(cursor) if cursor else ""


class Cluster(Redis):
    """Connects when it is first used. Every method of `Redis` that names a key works, and `pipeline`.

    While a node is away and no other has taken its place, commands that need it raise RedisError, and so do those that
    are in a pipeline with them.
    """

    def __init__(self, address: Address, retry: Retry, **options: Any) -> None:
        """The options are those of `chat.store.pool.Pool`, which each node has one of.

        Raises TypeError, ValueError or RedisError for an option with which no connection can be made.
        """
        self._hosts = address.hosts
        self._scheme = "redis" if address.tls is None else "rediss"
        self._options = {**address.login, **(address.tls or {}), **options}
        self._retry = retry
        self._found: _Nodes | None = None
        self._finding = threading.RLock()
        self._failure: RedisError | None = None  # when no node said which there are, and when (`time.monotonic()`)
        self._failed_at = 0.0
        self._asked_at = 0.0  # when one did
        pool = Pool.from_url(self._url, **self._options)  # for what redis-py reads from it; it never connects
        pool.connection_class(**pool.connection_kwargs)
        super().__init__(connection_pool=pool)

    @property
    def _url(self) -> str:
        host, port = self._hosts[0]
        return f"{self._scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def _nodes(self) -> "_Nodes":
        with self._finding:
            if self._found is None:
                with self._noting_failure():
                    self._found = _Nodes(
                        url=self._url,
                        startup_nodes=[ClusterNode(host, port) for host, port in self._hosts[1:]],
                        retry=_ONCE,
                        policy_resolver=_ByKey(),
                        connection_pool_class=Pool,
                        **self._options,
                    )
            return self._found

    @contextlib.contextmanager
    def _noting_failure(self) -> Iterator[None]:
        """Around asking which nodes there are. What failed a moment ago fails again: others need not wait as long."""
        if self._failure is not None and time.monotonic() < self._failed_at + AWAY_SECONDS:
            raise self._failure
        try:
            with _as_redis_error():
                yield
        except RedisError as error:
            self._failure, self._failed_at = error, time.monotonic()
            raise

    def close(self) -> None:
        with self._finding:
            if self._found is not None:
                self._found.close()
                self._found = None
        super().close()

    def nodes(self) -> list[Redis]:
        """See the function of that name."""
        with _as_redis_error():
            return [self._client(node) for node in self._nodes.get_primaries()]

    def node_of(self, key: str) -> Redis:
        """See the function of that name."""
        with _as_redis_error():
            return self._client(self._owner(slots.slot_of(key)))

    def _owner(self, slot: int) -> ClusterNode:
        return self._nodes.nodes_manager.get_node_from_slot(slot)

    def _client(self, node: ClusterNode) -> Redis:
        return cast("Redis", self._nodes.get_redis_connection(node))

    def find_nodes(self) -> None:
        """Asks again which node has what, unless somebody has just done so. Raises RedisError if none says so."""
        began = time.monotonic()
        with self._finding:
            if self._asked_at > began:
                return
            nodes_manager = self._nodes.nodes_manager
            with self._noting_failure():
                nodes_manager.initialize()
            self._asked_at = time.monotonic()

    def scan_page(self, at: str, **options: Any) -> tuple[list[bytes], str]:
        """See `scan`. The place is that of a node, its cursor, and all nodes: if those change, all begins again."""
        with _as_redis_error():
            primaries = {node.name: node for node in self._nodes.get_primaries()}
        names = sorted(primaries)
        name, cursor, *before = at.split(" ") if at else ["", "0"]
        if before != names:
            name, cursor = names[0], "0"
        following, page = self._client(primaries[name]).scan(int(cursor), **options)
        if not following:
            name = next((each for each in names if each > name), "")
        return page, " ".join((name, str(following), *names)) if name else ""

    def scan_iter(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        return itertools.chain.from_iterable(node.scan_iter(*arguments, **options) for node in self.nodes())

    def pubsub(self, **options: Any) -> Any:
        """A subscription to one node: each passes on to all others what is published."""
        return self.nodes()[0].pubsub(**options)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if slots.has_keys(args) and str(args[0]).upper() in RedisCluster.COMMAND_FLAGS:  # of nodes, not of keys
            with _as_redis_error():
                return self._nodes.execute_command(*args, **options)
        return self.run([(args, options)])[0]

    def script_load(self, script: Any) -> Any:
        """Gives it to every node that is there. Raises RedisError if none is."""
        found: list[Any] = []
        for node in self.nodes():
            with contextlib.suppress(RedisError):
                found.append(node.script_load(script))
        if not found:
            raise NoConnection("no node of the cluster is there")
        return found[0]

    def pipeline(self, transaction: bool = True, _shard_hint: Any = None) -> Pipeline:
        return ClusterPipeline(self, transaction)

    def run(self, commands: Sequence[Stacked], *, raise_on_error: bool = True) -> list[Any]:
        """Sends each command to its node, all at the same time. Returns the replies.

        Raises RedisError: a node is away or, with `raise_on_error`, refused a command.
        """
        replies, _ = self.run_replicated(commands, 0)
        if raise_on_error:
            _raise_first(replies)
        return replies

    def run_replicated(self, commands: Sequence[Stacked], replicas: int) -> tuple[list[Any], bool]:
        """The same. Returns errors among the replies, and whether so many replicas of each node have what it wrote."""
        parts = [slots.split(args) for args, _ in commands]
        flat = [(part, options) for (_, options), own in zip(commands, parts, strict=True) for part in own]
        beside = next((slots.slot_of(keys[0]) for args, _ in flat if (keys := slots.keys_of(args))), 0)
        found: list[Any] = [None] * len(flat)
        reached = [True] * len(flat)  # of each command, by the last node that it was sent to
        left = list(range(len(flat)))
        for attempt in range(1 + self._retry.get_retries()):
            if attempt:
                self.find_nodes()
            sent = [each for each in left if not isinstance(found[each], AskError)]
            replies, waited = self._send([flat[each] for each in sent], beside, replicas)
            found = _with(found, dict(zip(sent, replies, strict=True)))
            reached = _with(reached, dict(zip(sent, waited, strict=True)))
            asked = {each: self._ask(flat[each]) for each in left if each not in sent}
            found = _with(found, asked)
            reached = _with(reached, dict.fromkeys(asked, not replicas))  # nobody waits for the replicas of those
            left = [each for each in left if isinstance(found[each], _ELSEWHERE)]
            if not left:
                break
        rest = iter(found)
        return [slots.join(args, own, rest) for (args, _), own in zip(commands, parts, strict=True)], all(reached)

    def _send(self, commands: Sequence[Stacked], beside: int, replicas: int) -> tuple[list[Any], list[bool]]:
        """Sends commands once. Commands without keys go to the node of the slot `beside`.

        Returns the reply to each, and whether so many replicas of its node have what was written.
        """
        if not commands:
            return [], []
        try:
            with _as_redis_error():
                pipe, places, names = self._nodes.pipeline(), {}, []
                for args, options in commands:
                    slot = slots.slot_of(keys[0]) if (keys := slots.keys_of(args)) else beside
                    node = self._owner(slot)
                    places[node.name] = node
                    names.append(node.name)
                    pipe.execute_command(*args, **{"target_nodes": node, **options})
                for node in places.values() if replicas else ():
                    pipe.execute_command("WAIT", replicas, REPLICATION_MS, target_nodes=node)
                replies = pipe.send()
        except _ELSEWHERE as error:  # nothing was sent: a node takes no connection
            return [error] * len(commands), [True] * len(commands)
        replies, waited = replies[: len(commands)], replies[len(commands) :]
        reaches = {name: _reaches(reply, replicas) for name, reply in zip(places, waited, strict=False)}
        return replies, [reaches.get(name, True) for name in names]

    def _ask(self, command: Stacked) -> Any:
        """The reply to a command whose keys are just being moved, or the error."""
        args, options = command
        try:
            with _as_redis_error():
                return self._nodes.execute_command(*args, **options)
        except RedisError as error:
            return error

    def load(self, scripts: Iterable[str], commands: Iterable[Stacked]) -> None:
        """Gives scripts to the nodes of these commands."""
        own = {slot for args, _ in commands for slot in slots.slots_of(args)}
        with _as_redis_error():
            for node in {self._client(self._owner(slot)) for slot in own}:
                for script in scripts:
                    node.script_load(script)

    def run_transaction(self, commands: Sequence[Stacked], *, raise_on_error: bool = True) -> list[Any]:
        """The same for commands of one slot, all of which happen or none."""
        own = {slot for args, _ in commands for slot in slots.slots_of(args)}
        if len(own) != 1:
            raise RedisError(f"a transaction has keys of {len(own)} slots")
        (slot,) = own
        attempts = self._retry.get_retries()
        while True:
            try:
                with _as_redis_error():
                    return _in_transaction(self._client(self._owner(slot)), commands, raise_on_error)
            except _ELSEWHERE:
                self.find_nodes()
                if attempts < 1:
                    raise
                attempts -= 1


class ClusterPipeline(Pipeline):
    """Collects commands for a cluster; what is in a transaction must be of one slot."""

    def __init__(self, cluster: Cluster, transaction: bool) -> None:
        super().__init__(cluster.connection_pool, cluster.response_callbacks, transaction, None)
        self.cluster = cluster

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        run = self.cluster.run_transaction if self.transaction else self.cluster.run
        commands = self._take()
        return run(commands, raise_on_error=raise_on_error) if commands else []

    def execute_replicated(self, replicas: int) -> tuple[list[Any], bool]:
        """See `execute` of this module."""
        commands = self._take()
        return self.cluster.run_replicated(commands, replicas) if commands else ([], True)

    def _take(self) -> list[Stacked]:
        commands, used = list(self.command_stack), [script.script for script in self.scripts]
        self.reset()
        if used:
            self.cluster.load(used, commands)
        return commands

    def watch(self, *_: Any) -> NoReturn:
        raise RedisError("a cluster's keys are not watched; use a script")


class _Keys:
    def _get_command_keys(self, *args: Any) -> list[Any]:
        return slots.keys_of(args)


_ONCE = Retry(NoBackoff(), 0)


class _Nodes(_Keys, RedisCluster):
    def pipeline(self, *_: Any, **__: Any) -> "_NodesPipeline":
        return _NodesPipeline(
            nodes_manager=self.nodes_manager,
            commands_parser=self.commands_parser,
            startup_nodes=self.nodes_manager.startup_nodes,
            result_callbacks=self.result_callbacks,
            cluster_response_callbacks=self.cluster_response_callbacks,
            reinitialize_steps=self.reinitialize_steps,
            retry=_ONCE,
            lock=self._lock,
            policy_resolver=self._policy_resolver,
            event_dispatcher=self._event_dispatcher,
        )

    def get_node(self, host: Any = None, port: Any = None, node_name: str | None = None) -> ClusterNode | None:
        """Knows also a node without slots, to which the first one is just being moved."""
        if (found := super().get_node(host, port, node_name)) is None and node_name:
            host, _, port = node_name.rpartition(":")
            found = ClusterNode(host, int(port))
            self.nodes_manager.create_redis_connections([found])
        return found


class _NodesPipeline(_Keys, NodesPipeline):
    def send(self) -> list[Any]:
        """Sends each command once, where it was told to. redis-py would repeat those that fail one after the other."""
        stack = self._execution_strategy.command_queue
        return list(self.send_cluster_commands(stack, raise_on_error=False, allow_redirections=False))


class _ByKey(PolicyResolver):
    """Sends each command by its key. redis-py would send those of the search anywhere; here an index is on one node."""

    def resolve(self, command_name: str) -> CommandPolicies | None:  # noqa: ARG002
        return None

    def with_fallback(self, fallback: PolicyResolver) -> PolicyResolver:  # noqa: ARG002
        return self


def _reaches(reply: Any, replicas: int) -> bool:
    return isinstance(reply, int) and reply >= replicas


def _with(found: list[Any], replies: dict[int, Any]) -> list[Any]:
    return [replies.get(number, reply) for number, reply in enumerate(found)]


def _in_transaction(node: Redis, commands: Sequence[Stacked], raise_on_error: bool) -> list[Any]:
    with node.pipeline(transaction=True) as pipe:
        for args, options in commands:
            pipe.execute_command(*args, **options)
        return list(pipe.execute(raise_on_error))


def _raise_first(replies: Iterable[Any]) -> None:
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply


@contextlib.contextmanager
def _as_redis_error() -> Iterator[None]:
    """redis-py's errors of a cluster as a whole are not among its RedisError, which means that Redis is away."""
    try:
        yield
    except RedisClusterException as error:
        if any("cluster support disabled" in str(each).lower() for each in _causes(error)):
            raise NotACluster(str(error)) from error
        raise NoConnection(str(error)[:200]) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
