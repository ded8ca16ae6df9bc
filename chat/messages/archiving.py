"""Archives delivered messages beside the drainer, several groups in one write.

At a few hundred messages a second the drainer's groups have one or two messages each, and a write costs MongoDB's
journal the same however small it is. So what is delivered within `GATHER_SECONDS` is written together. Nobody waits
for it: the messages are delivered, and the outbox has them until MongoDB confirms.
"""

import contextlib
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import pymongo
import structlog
from pymongo.errors import PyMongoError

from chat.messages import storing
from chat.store.connection import Stores
from chat.wire import StoredMessage

log = structlog.get_logger(__name__)

GATHER_SECONDS = 0.05  # how long the first message of a write waits for others
FULL = 200  # messages that are written without waiting for more
WAITING_LIMIT = 2 * FULL  # messages that may wait; then the drainer does
WRITE_SECONDS = 2.0  # MongoDB's time limit for one write
PROBE_SECONDS = 0.2  # the same, after it has failed
PAUSE = 5.0  # seconds to leave MongoDB alone after it has failed


class Archive:
    """Writes to MongoDB without ever taking long, and pauses while it is away. The outbox keeps the rest."""

    def __init__(self) -> None:
        self._again = 0.0
        self._seconds = WRITE_SECONDS

    def store(self, stores: Stores, messages: list[StoredMessage]) -> None:
        if time.monotonic() < self._again:
            return
        try:
            with pymongo.timeout(self._seconds):
                stored, duplicates = storing.store_archive(stores, messages)
        except PyMongoError as error:
            self._again, self._seconds = time.monotonic() + PAUSE, PROBE_SECONDS
            log.warning("archive.away", error=type(error).__name__)
            return
        self._seconds = WRITE_SECONDS
        for duplicate in duplicates:
            storing.drop_duplicate(stores, duplicate)
        storing.confirm(stores, stored)

    def find_originals(self, stores: Stores, messages: list[StoredMessage]) -> dict[str, StoredMessage]:
        """See `storing.find_originals`; empty while MongoDB is away."""
        with contextlib.suppress(PyMongoError), pymongo.timeout(self._seconds):
            return storing.find_originals(stores, messages)
        return {}


archive = Archive()


class Archiver:
    """A thread that archives what it is given. As a context manager, it has written everything when it ends."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._waiting: list[StoredMessage] = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join()

    def add(self, messages: Sequence[StoredMessage]) -> None:
        """Has messages archived soon. Waits while too many do already."""
        if not messages:
            return
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < WAITING_LIMIT)
            was_empty = not self._waiting
            self._waiting += messages
            if was_empty or len(self._waiting) >= FULL:  # else it is gathering, and would be woken for nothing
                self._changed.notify_all()

    def _run(self) -> None:
        while messages := self._gathered():
            try:
                archive.store(self._stores, messages)
            except Exception:  # whatever it is, these messages are delivered, and the outbox has them for the sync
                log.exception("archive.failed", messages=len(messages))

    def _gathered(self) -> list[StoredMessage]:
        """Waits for messages, and then for others to join them. Empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended)
            self._changed.wait_for(lambda: len(self._waiting) >= FULL or self._ended, GATHER_SECONDS)
            messages, self._waiting = self._waiting, []
            self._changed.notify_all()
            return messages
