"""A system of their own for the commands, many of which go through all there is; it needs few connections."""

from collections.abc import Iterator

import pytest

from tests.deepgram_stand_in import KEY, DeepgramStandIn
from tests.stack import Stack, procfile

SMALL = {
    "REDIS_CONNECTIONS": "3",
    "BROKER_CONNECTIONS": "1",
    "MONITORING": "false",
    "CHAT_CONCURRENCY": "1",
    "TRANSCRIPTION_CONCURRENCY": "1",
}


@pytest.fixture(scope="package")  # stopped before other folders' tests: it works even if nobody talks
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One of each process but the pusher, by the settings of docs/operations.md for a plan with 20 connections."""
    with DeepgramStandIn() as deepgram:
        settings = SMALL | {"DEEPGRAM_API_KEY": KEY, "DEEPGRAM_BASE_URL": deepgram.url}
        commands = {"worker": procfile("Procfile")["worker"], "pusher": ""}
        with Stack(tmp_path_factory.mktemp("commands"), settings, commands) as running:
            yield running
