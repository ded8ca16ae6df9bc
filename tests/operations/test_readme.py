"""Runs the session that the README shows, and checks that everything the documents point to exists."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.processes import LOOPBACK, free_port
from tests.stack import ROOT, Stack, answers

PAGES = [
    page
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    if page.name != "AGENTS.md"  # for coding assistants, if somebody keeps one
]

BEGIN = re.compile(r"(?:^|(?<=[}\]]))(?:(application:\w+)---)?(?=[{\[])", re.MULTILINE)


def section(title: str) -> str:
    text = (ROOT / "README.md").read_text()
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def blocks(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def printed(output: str) -> Iterator[tuple[str | None, Any]]:
    """What two programs print at the same time: each frame with its channel, each response with None.

    One may write before the other has ended its line.
    """
    at, decoder = 0, json.JSONDecoder()
    while begin := BEGIN.search(output, at):
        document, at = decoder.raw_decode(output, begin.end())
        yield begin[1], document


@pytest.fixture
def host(stack: Stack) -> Iterator[str]:
    """A web process without earlier sign-ups that could count against limits."""
    port = str(free_port())
    own = {"PORT": port, "LIMIT_SIGNUP_ADDRESS": "1000 per minute"}
    web = stack.make_process("web-readme", stack.web.command[-1], own)
    web.start()
    try:
        web.wait_ready(lambda: answers(f"http://{LOOPBACK}:{port}/readyz"), 30)
        yield f"{LOOPBACK}:{port}"
    finally:
        web.stop()


def test_the_first_session_works_as_it_is_pasted(stack: Stack, host: str) -> None:
    pasted = "".join(blocks(section("A first session")))
    environment = {**stack.environment, "HOST": host}
    ran = subprocess.run(
        ["sh", "-eu"], input=pasted, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )
    assert ran.returncode == 0, ran.stderr
    came = list(printed(ran.stdout))
    text, voice, history, hits = [document for channel, document in came if channel is None]
    assert (text["text"], voice["status"]) == ("Good morning, Ben", "accepted")
    assert [message["_id"] for message in history] == [text["_id"], voice["_id"]]
    assert "morning" in hits[0]["text"]
    assert ("application:status", "transcribing") in [
        (channel, data.get("status")) for channel, data in came if channel
    ]
    delivered = {data["_id"]: data for channel, data in came if channel == "application:messages"}
    assert delivered[text["_id"]]["text"] == "Good morning, Ben"
    assert delivered[voice["_id"]]["words"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        place, _, anchor = target.partition("#")
        if "://" in place:
            continue
        found = (page.parent / place).resolve() if place else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_named_exists(page: Path) -> None:
    named = re.findall(r"`((?:bin|beat|chat|config|dev|docs|tests|web|workers)/[\w/.-]+)`", page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)\b(?=[`\s])", "\n".join(code(page.read_text())))) <= targets


def code(text: str) -> list[str]:
    return re.findall(r"`[^`\n]+`|^```.*?^```", text, re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes from the headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
