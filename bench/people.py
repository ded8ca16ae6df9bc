"""The people of the load: signed up once, in pairs."""

import asyncio
import json
import secrets
from dataclasses import dataclass

from bench.rest import Rest

AT_ONCE = 8
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Person:
    id: str
    token: str


async def sign_up(rest: Rest, count: int) -> list[Person]:
    """Signs up so many new people. Each costs the server 30 ms of CPU, so this takes a while."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> Person:
        name = f"bench-{secrets.token_hex(6)}"
        body = json.dumps({"email": f"{name}@example.org", "username": name, "password": PASSWORD}).encode()
        async with gate:
            made = json.loads(await rest.call("POST", "/signup", body=body))
        return Person(made["user"]["_id"], made["token"])

    return list(await asyncio.gather(*(one() for _ in range(count))))


def pairs(people: list[Person]) -> list[tuple[Person, Person]]:
    return list(zip(people[::2], people[1::2], strict=True))
