"""Invented histories for the page, where the real stack would take too long or cannot fail on demand."""

import io
import re
import wave
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route

from chat import ids
from dev.processes import wait_until
from tests.client import Json, Person
from tests.e2e.visitor import RECORDING, TIMEOUT

NEWEST = 200  # messages that the plain call returns
CALL = re.compile(r"/api/chat/[0-9A-Z]{26}(\?|$)")


def message(sender: Person, receiver: Person, moment: datetime, text: str = "", **fields: Any) -> Json:
    """A message as the server would send it."""
    return {
        "_id": ids.lowest_id(int(moment.timestamp() * 1000)),
        "senderId": sender.id,
        "receiverId": receiver.id,
        "dateSent": moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "text": text,
        "audioFileId": None,
        "status": "read",
        **fields,
    }


def spoken(text: str, unsure: str = "", seconds: float = 6.0) -> Json:
    """The fields of a transcript with evenly spread words, one of them doubtful."""
    said = text.split()
    step = seconds / len(said)
    words = [
        {"word": word, "start": at * step, "end": (at + 1) * step, "confidence": 0.3 if word == unsure else 0.95}
        for at, word in enumerate(said)
    ]
    return {"text": text, "words": words, "audioFileId": "0" * 32, "status": "delivered", "language": "en"}


def recording(times: int = 6) -> bytes:
    """The recorded sentence of five seconds so many times; a short one may end before a busy machine has looked."""
    buffer = io.BytesIO()
    with wave.open(str(RECORDING), "rb") as source, wave.open(buffer, "wb") as target:
        target.setparams(source.getparams())
        target.writeframes(source.readframes(source.getnframes()) * times)
    return buffer.getvalue()


def minutes_ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def tell(page: Page, messages: list[Json], recording: bytes = b"") -> None:
    """Makes the page believe that these messages, ascending, are all there are in every conversation."""

    def answer(route: Route) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}
        limit = int(query.get("limit", NEWEST))
        if "after" in query:
            route.fulfill(json=[each for each in messages if each["_id"] > query["after"]][:limit])
        else:
            end = query.get("before", "Z")
            route.fulfill(json=[each for each in messages if each["_id"] < end][-limit:])

    page.route(CALL, answer)
    page.route("**/api/file/*/content", lambda route: route.fulfill(body=recording, content_type="audio/wav"))


def hold(page: Page, address: str | re.Pattern[str]) -> list[Route]:
    """Holds calls to an address without a response, and collects them in the returned list."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(address, keep)
    return held


def first(page: Page, held: list[Route]) -> Route:
    """Waits for the first of the calls that `hold` collects."""
    wait_for(page, lambda: bool(held), "a call of the page")
    return held[0]


def wait_for(page: Page, holds: Callable[[], bool], what: str) -> None:
    """Waits for something that playwright's events bring about: it processes them only while it waits itself."""

    def look() -> bool:
        page.wait_for_timeout(10)
        return holds()

    wait_until(look, TIMEOUT / 1_000, what)
