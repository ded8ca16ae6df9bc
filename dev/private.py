"""Files and folders that only their owner may read: the data of `make run` and the passwords of its servers."""

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

UMASK = 0o077  # of every process that writes such files
LOCK = "lock"  # a file that is in every folder of our data


def private_folder(folder: Path) -> None:
    """Creates a folder for us alone; an existing one keeps its mode."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def private_data(folder: Path) -> None:
    """Creates a data folder for us alone, or takes others' access away from one that an older version left open.

    A folder that also holds other things, such as a home directory, keeps its mode; our own files in it are private
    either way.

    Raises:
        PermissionError: it belongs to somebody else.
    """
    private_folder(folder)
    mode = folder.stat().st_mode
    ours = (folder / LOCK).exists() or not any(folder.iterdir())
    if not mode & UMASK or mode & stat.S_ISVTX or not ours:
        return
    folder.chmod(0o700)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            inside = Path(parent, name)
            if not inside.is_symlink():
                inside.chmod(inside.stat().st_mode & ~UMASK)


def private_file(path: Path, text: str) -> Path:
    """Writes a file that nobody else can read at any moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
    return path


def new_secret() -> str:
    """64 random hexadecimal digits."""
    return secrets.token_hex(32)


def stored_secret(path: Path, make: Callable[[], str] = new_secret) -> str:
    """Returns the random secret in this file; the first call makes it."""
    if not path.exists():
        private_file(path, make())
    return path.read_text().strip()
