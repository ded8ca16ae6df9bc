"""Which keys a command has, and in which slots of a Redis Cluster they are; only of the commands that are used here.

redis-py would ask a node, also before each call of a script.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from redis.crc import key_slot

Command = tuple[Any, ...]

# Commands of which every argument is a key, or all but the last; and how the replies to their parts become one
_KEYS_ONLY = {"DEL": sum, "UNLINK": sum, "EXISTS": sum, "TOUCH": sum, "MGET": None}
_KEYS_AND_PATH = {"JSON.MGET"}
_WITHOUT_KEYS = {"TIME", "PING", "PUBLISH"}


def has_keys(command: Command) -> bool:
    """Whether it goes to the node of its keys. Those that do not may go to any."""
    return command[0] not in _WITHOUT_KEYS


def keys_of(command: Command) -> list[Any]:
    name, *rest = command
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
    return rest[:1] if has_keys(command) else []


def slot_of(key: Any) -> int:
    return int(key_slot(key if isinstance(key, bytes) else str(key).encode()))


def slots_of(command: Command) -> set[int]:
    return {slot_of(key) for key in keys_of(command)}


def split(command: Command) -> list[Command]:
    """The command, or one for each slot of its keys if it can be split."""
    name = str(command[0]).upper()
    if name not in _KEYS_ONLY and name not in _KEYS_AND_PATH:
        return [command]
    names = keys_of(command)
    by_slot: dict[int, list[Any]] = {}
    for key in names:
        by_slot.setdefault(slot_of(key), []).append(key)
    if len(by_slot) < 2:
        return [command]
    return [(command[0], *own, *command[1 + len(names) :]) for own in by_slot.values()]


def join(command: Command, parts: Sequence[Command], replies: Iterator[Any]) -> Any:
    """One reply of those to its parts, which are the next ones."""
    found = list(itertools.islice(replies, len(parts)))
    if len(parts) == 1:
        return found[0]
    if error := next((each for each in found if isinstance(each, Exception)), None):
        return error
    if add := _KEYS_ONLY.get(str(command[0]).upper()):
        return add(found)
    values: dict[Any, Any] = {}
    for part, page in zip(parts, found, strict=True):
        values.update(zip(keys_of(part), page, strict=True))
    return [values[key] for key in keys_of(command)]
