"""What this process is called among others of its kind."""

import os
import socket


def process_name() -> str:
    """The dyno's name on a Heroku-like platform (`web.1`), else the host's."""
    return os.environ.get("DYNO") or socket.gethostname()
