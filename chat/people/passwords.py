"""Passwords: argon2id hashes with OWASP's parameters (19 MiB, two rounds, one lane), and which are too common.

Guessing starts with the most common passwords, so these are refused (NIST SP 800-63B, section 3.1.1.2). zxcvbn's list
has 11,600 that are long enough to be allowed here.
"""

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chat.errors import Invalid

MIN_LENGTH, MAX_LENGTH = 8, 128  # characters

Runner = Callable[..., Any]
"""Calls `function(*arguments)` somewhere; the web gives one that leaves its event loop free."""


def call_here(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


class Passwords:
    """Hashes and verifies, both in about 30 ms of one core, by `run`."""

    def __init__(self, run: Runner = call_here) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._run = run
        self._nobody = self._hasher.hash("nobody's password")

    def require_uncommon(self, password: str) -> None:
        """Raises Invalid for one of the most common passwords, whatever its case."""
        if password.casefold() in self._run(common_passwords):
            raise Invalid(
                "password",
                "password_too_common",
            )

    def hash(self, password: str) -> str:
        return str(self._run(self._hasher.hash, password))

    def verify(self, known: str | None, password: str) -> bool:
        """Whether it is the password of this hash; without one it takes as long and is not."""
        matches = bool(self._run(self._matches, known or self._nobody, password))
        return matches and known is not None

    def _matches(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerificationError, InvalidHashError):
            return False


@lru_cache(maxsize=1)
def common_passwords() -> frozenset[str]:
    """Returns those of zxcvbn's list that are long enough, in lower case.

    Executes only the file with the lists: importing the package would keep 13 MB of other words and tables in memory.
    """
    package = find_spec("zxcvbn")
    folder = Path((package.submodule_search_locations or [""])[0] if package else "")
    spec = spec_from_file_location("common_passwords", folder / "frequency_lists.py")
    if spec is None or spec.loader is None:
        raise ImportError("zxcvbn has no list of passwords")
    lists = module_from_spec(spec)
    spec.loader.exec_module(lists)
    return frozenset(each for each in lists.FREQUENCY_LISTS["passwords"] if len(each) >= MIN_LENGTH)
