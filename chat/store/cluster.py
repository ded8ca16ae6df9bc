"""A Redis Cluster, used like a single Redis: each command goes to the node that has its keys.

redis-py knows the nodes and follows them when they change. What this adds: transactions and scripts as with a single
Redis; commands with keys of several slots, which are split; and commands that concern one node (`nodes`, `node_of`).

Code that works with both asks the functions here instead of looking at the kind of its client.
"""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NoReturn, cast

from redis import Redis, RedisCluster
from redis.client import Pipeline
from redis.cluster import ClusterNode
from redis.cluster import ClusterPipeline as NodesPipeline
from redis.commands.policies import CommandPolicies, PolicyResolver
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    RedisClusterException,
    RedisError,
    SlotNotCoveredError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoReply
from redis.retry import Retry

from chat.store.pool import Pool
from config.addresses import Cluster as Address

KEYS_TRIED = 5_000  # far more than it takes to find one on each of some hundred nodes

Command = tuple[Any, ...]
Stacked = tuple[Command, dict[str, Any]]  # a command with redis-py's options for reading its reply

# Commands of which every argument is a key, or all but the last; and how the replies to their parts become one
_KEYS_ONLY = {"DEL": sum, "UNLINK": sum, "EXISTS": sum, "TOUCH": sum, "MGET": None}
_KEYS_AND_PATH = {"JSON.MGET": None}
_ANYWHERE = {"TIME", "PING", "PUBLISH"}  # they have no key, and go where the command beside them goes

# What a node says, or does not, while others take over what it had
_ELSEWHERE = (NoConnection, NoReply, MovedError, AskError, TryAgainError, ClusterDownError, SlotNotCoveredError)


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


def wait_for_replicas(pipe: Pipeline, replicas: int, milliseconds: int) -> int:
    """Adds a WAIT to a pipeline for each node it goes to. Returns how many those are. Raises RedisError."""
    places: list[dict[str, Any]] = [{}]
    if isinstance(pipe, ClusterPipeline):
        places = [{"target_nodes": node} for node in pipe.cluster.owners(pipe.command_stack)]
    for place in places:
        pipe.execute_command("WAIT", replicas, milliseconds, **place)
    return len(places)


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
                self._found = _Nodes(
                    url=self._url,
                    startup_nodes=[ClusterNode(host, port) for host, port in self._hosts[1:]],
                    retry=self._retry,
                    policy_resolver=_ByKey(),
                    connection_pool_class=Pool,
                    **self._options,
                )
            return self._found

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
            return self._client(self._owner(key_slot(key.encode())))

    def _owner(self, slot: int) -> ClusterNode:
        return self._nodes.nodes_manager.get_node_from_slot(slot)

    def _client(self, node: ClusterNode) -> Redis:
        return cast("Redis", self._nodes.get_redis_connection(node))

    def owners(self, commands: Iterable[Stacked]) -> list[ClusterNode]:
        """The nodes that these commands go to."""
        slots = {_slot(key) for args, _ in commands for key in _keys(args)}
        with _as_redis_error():
            return list({(node := self._owner(slot)).name: node for slot in slots}.values())

    def find_nodes(self) -> None:
        """Asks again which node has what. Raises RedisError if none says so."""
        with _as_redis_error():
            self._nodes.nodes_manager.initialize()

    def scan_page(self, at: str, **options: Any) -> tuple[list[bytes], str]:
        """See `scan`. The place is that of a node and its cursor; where that one is gone, all begins again."""
        with _as_redis_error():
            primaries = {node.name: node for node in self._nodes.get_primaries()}
        name, _, cursor = at.partition(" ")
        if name not in primaries:
            name, cursor = min(primaries), "0"
        following, page = self._client(primaries[name]).scan(int(cursor), **options)
        later = sorted(each for each in primaries if each > name)
        if not following and not later:
            return page, ""
        return page, f"{name} {following}" if following else f"{later[0]} 0"

    def scan_iter(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        return itertools.chain.from_iterable(node.scan_iter(*arguments, **options) for node in self.nodes())

    def pubsub(self, **options: Any) -> Any:
        """A subscription to one node: each passes on to all others what is published."""
        return self.nodes()[0].pubsub(**options)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] in _ANYWHERE or len(_parts(args)) > 1:
            return self.run([(args, options)])[0]
        with _as_redis_error():
            return self._nodes.execute_command(*args, **options)

    def pipeline(self, transaction: bool = True, _shard_hint: Any = None) -> Pipeline:
        return ClusterPipeline(self, transaction)

    def run(self, commands: Sequence[Stacked], *, raise_on_error: bool = True) -> list[Any]:
        """Sends each command to its node, all at the same time. Returns the replies.

        Raises RedisError: a node is away or, with `raise_on_error`, refused a command.
        """
        beside = next((keys[0] for args, _ in commands if (keys := _keys(args))), "")
        split = [_parts(args) for args, _ in commands]
        with _as_redis_error():
            pipe = self._nodes.pipeline()
            for (args, options), parts in zip(commands, split, strict=True):
                place = {"target_nodes": self._owner(_slot(beside))} if args[0] in _ANYWHERE else {}
                for part in parts:
                    pipe.execute_command(*part, **{**place, **options})
            replies = iter(pipe.execute(raise_on_error=False))
        joined = [_join(args, parts, replies) for (args, _), parts in zip(commands, split, strict=True)]
        if raise_on_error:
            _raise_first(joined)
        return joined

    def run_transaction(self, commands: Sequence[Stacked], *, raise_on_error: bool = True) -> list[Any]:
        """The same for commands of one slot, all of which happen or none."""
        slots = {_slot(key) for args, _ in commands for key in _keys(args)}
        if len(slots) != 1:
            raise RedisError(f"a transaction has keys of {len(slots)} slots")
        (slot,) = slots
        return self._on_node(slot, lambda node: _in_transaction(node, commands, raise_on_error))

    def _on_node(self, slot: int, call: Callable[[Redis], list[Any]]) -> list[Any]:
        attempts = self._retry.get_retries()
        while True:
            with _as_redis_error():
                node = self._client(self._owner(slot))
                try:
                    return call(node)
                except _ELSEWHERE:
                    self._nodes.nodes_manager.initialize()
                    if attempts < 1:
                        raise
                    attempts -= 1


class ClusterPipeline(Pipeline):
    """Collects commands for a cluster; what is in a transaction must be of one slot."""

    def __init__(self, cluster: Cluster, transaction: bool) -> None:
        super().__init__(cluster.connection_pool, cluster.response_callbacks, transaction, None)
        self.cluster = cluster

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands, used = list(self.command_stack), list(self.scripts)
        run = self.cluster.run_transaction if self.transaction else self.cluster.run
        try:
            for script in used:
                self.cluster.script_load(script.script)  # to every node
            return run(commands, raise_on_error=raise_on_error) if commands else []
        finally:
            self.reset()

    def watch(self, *_: Any) -> NoReturn:
        raise RedisError("a cluster's keys are not watched; use a script")


class _Keys:
    """redis-py asks a node which arguments of a command are keys, also before each call of a script; we know them."""

    def _get_command_keys(self, *args: Any) -> list[Any]:
        return _keys(args)


class _Nodes(_Keys, RedisCluster):
    def pipeline(self, *_: Any, **__: Any) -> NodesPipeline:
        return _NodesPipeline(
            nodes_manager=self.nodes_manager,
            commands_parser=self.commands_parser,
            startup_nodes=self.nodes_manager.startup_nodes,
            result_callbacks=self.result_callbacks,
            cluster_response_callbacks=self.cluster_response_callbacks,
            reinitialize_steps=self.reinitialize_steps,
            retry=self.retry,
            lock=self._lock,
            policy_resolver=self._policy_resolver,
            event_dispatcher=self._event_dispatcher,
        )


class _NodesPipeline(_Keys, NodesPipeline):
    pass


class _ByKey(PolicyResolver):
    """Sends each command by its key. redis-py would send those of the search anywhere; here an index is on one node."""

    def resolve(self, command_name: str) -> CommandPolicies | None:  # noqa: ARG002
        return None

    def with_fallback(self, fallback: PolicyResolver) -> PolicyResolver:  # noqa: ARG002
        return self


def _keys(args: Command) -> list[Any]:
    """The keys among a command's arguments, by what the commands used here look like."""
    name, *rest = args
    name = str(name).upper()
    if name in _KEYS_ONLY:
        return rest
    if name in _KEYS_AND_PATH:
        return rest[:-1]
    if name in ("EVAL", "EVALSHA"):
        return rest[2 : 2 + int(rest[1])]
    if name == "XREADGROUP":
        following = rest[rest.index(b"STREAMS" if b"STREAMS" in rest else "STREAMS") + 1 :]
        return following[: len(following) // 2]
    return [] if name in _ANYWHERE else rest[:1]


def _slot(key: Any) -> int:
    return int(key_slot(key if isinstance(key, bytes) else str(key).encode()))


def _parts(args: Command) -> list[Command]:
    """The command, or one for each slot of its keys if it can be split."""
    name = str(args[0]).upper()
    if name not in _KEYS_ONLY and name not in _KEYS_AND_PATH:
        return [args]
    keys = _keys(args)
    by_slot: dict[int, list[Any]] = {}
    for key in keys:
        by_slot.setdefault(_slot(key), []).append(key)
    if len(by_slot) < 2:
        return [args]
    return [(args[0], *own, *args[1 + len(keys) :]) for own in by_slot.values()]


def _join(args: Command, parts: Sequence[Command], replies: Iterator[Any]) -> Any:
    """One reply of those to its parts."""
    found = list(itertools.islice(replies, len(parts)))
    if len(parts) == 1:
        return found[0]
    if error := next((each for each in found if isinstance(each, Exception)), None):
        return error
    name = str(args[0]).upper()
    if add := _KEYS_ONLY.get(name):
        return add(found)
    values: dict[Any, Any] = {}
    for part, page in zip(parts, found, strict=True):
        values.update(zip(_keys(part), page, strict=True))
    return [values[key] for key in _keys(args)]


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
        if "cluster mode is not enabled" in str(error).lower():
            raise NotACluster(str(error)) from error
        raise NoConnection(str(error)[:200]) from error
