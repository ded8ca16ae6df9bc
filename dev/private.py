"""Files and folders that only their owner may read: the data of `make run` and the secrets of its servers."""

import os
import secrets
import stat
from pathlib import Path

UMASK = 0o077  # of every process that writes such files
LOCK = "lock"  # a file that is in every folder of our data


def private_folder(folder: Path) -> None:
    """Make a folder that is for us alone; one that is there stays as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def private_data(folder: Path) -> None:
    """The same for a folder of data, which an older version left open to others: it and all that is in it is closed.

    A folder that has other things in it, such as a home directory, keeps its mode; what we put there is closed anyway.

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
    """Write it, for nobody else to read at any moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
    return path


def kept_secret(path: Path) -> str:
    """The random secret in this file: 64 hexadecimal digits, made on the first call."""
    if not path.exists():
        private_file(path, secrets.token_hex(32))
    return path.read_text().strip()
