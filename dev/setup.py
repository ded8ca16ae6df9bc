"""Writes `.env` with new secrets: `bin/setup`. An existing file keeps all its lines.

Runs on the system's Python and needs nothing installed, since it is the first step.
"""

from __future__ import annotations

import argparse
import base64
import getpass
import os
import secrets
import sys
import urllib.error
import urllib.request
from pathlib import Path

ENV_FILE = Path(__file__).resolve().parent.parent / ".env"
DEEPGRAM = "https://api.deepgram.com"
CHECK_SECONDS = 10.0
DEEPGRAM_KEY, DEEPGRAM_BASE = "DEEPGRAM_API_KEY", "DEEPGRAM_BASE_URL"


class SetupError(SystemExit):
    """Nothing was written; the text says why."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bin/setup", description="Write .env with new secrets; keep what it has.")
    parser.add_argument("--deepgram", action="store_true", help="ask for a Deepgram key, check it and write it too")
    parser.add_argument("--file", type=Path, default=ENV_FILE, help="a file other than .env")
    options = parser.parse_args(arguments)
    before = read(options.file)
    added = {name: secret for name, secret in new_secrets().items() if not before.get(name)}
    if options.deepgram or os.environ.get(DEEPGRAM_KEY):
        added[DEEPGRAM_KEY] = verified_key(os.environ.get(DEEPGRAM_BASE) or before.get(DEEPGRAM_BASE) or DEEPGRAM)
    write(options.file, added)
    names = ", ".join(added) or "nothing, it was complete"
    print(f"{options.file}: wrote {names}. Other settings are described in .env.example.")


def new_secrets() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_hex(32),
        "VAPID_PRIVATE_KEY": new_vapid_key(),
        "METRICS_TOKEN": secrets.token_urlsafe(24),
        "FLOWER_BASIC_AUTH": f"flower:{secrets.token_urlsafe(12)}",
        "REDIS_PASSWORD": secrets.token_hex(24),  # these two become parts of addresses
        "MONGODB_PASSWORD": secrets.token_hex(24),
    }


def new_vapid_key() -> str:
    """A private key on the curve P-256: a number below 2**255, since all of these are below the curve's order."""
    number = 1 + secrets.randbelow(2**255 - 1)
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")


def read(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines() if file.exists() else []
    pairs = [line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#")]
    return {name.strip(): value.strip() for name, _, value in pairs}


def write(file: Path, added: dict[str, str]) -> None:
    """Adds these lines, replacing older lines of the same name. Only the file's owner may read it."""
    lines = file.read_text().splitlines() if file.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in added]
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write("".join(f"{line}\n" for line in [*kept, *(f"{n}={v}" for n, v in added.items())]))
    file.chmod(0o600)


def verified_key(base: str) -> str:
    """Gets the key from the environment, a pipe or the keyboard, and returns it once Deepgram has accepted it.

    Raises:
        SetupError: it is empty, or Deepgram rejects it or cannot be reached.
    """
    ask = getpass.getpass if sys.stdin.isatty() else lambda _: sys.stdin.readline()
    key = (os.environ.get(DEEPGRAM_KEY) or ask("Deepgram key: ")).strip()
    if not key:
        raise SetupError("No Deepgram key was given; nothing was written.")
    request = urllib.request.Request(f"{base.rstrip('/')}/v1/projects", headers={"Authorization": f"Token {key}"})
    try:
        with urllib.request.urlopen(request, timeout=CHECK_SECONDS):
            return key
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise SetupError(f"Deepgram rejects this key ({error.code}); nothing was written.") from None
        raise SetupError(f"Deepgram answered {error.code} and did not check the key; nothing was written.") from None
    except (OSError, ValueError) as error:
        raise SetupError(f"Deepgram could not be reached ({error}); nothing was written.") from None


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
