"""`make run`: starts the servers and the processes of `Procfile.dev`, and stops them all on Ctrl-C."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from config.settings import Settings, get_settings
from dev.apps import Apps
from dev.embedded import Embedded
from dev.environment import ROOT, Development
from dev.page import build_if_possible
from dev.private import UMASK
from dev.processes import POLL, StartError

READY_SECONDS = 120.0
PROBE_SECONDS = 5.0


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.umask(UMASK)
    try:
        development = Development(os.environ)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    embedded = Embedded(development.data, with_redis=development.needs_redis, with_mongodb=development.needs_mongodb)
    moved = development.data / "people-moved"
    may_be_old = (development.data / "redis").exists() and not moved.exists()
    try:
        development.place_model()
        build_if_possible()
        embedded.start()
        redis, mongodb = embedded.redis, embedded.mongodb
        development.add_embedded(
            redis_url=redis.url(0) if redis else None,
            broker_url=redis.url(1) if redis else None,
            mongodb_uri=mongodb.url() if mongodb else None,
        )
        development.configure_flower()
        os.environ.update(_with_our_programs(development.variables))
        if may_be_old:
            _move_old_data()
        moved.touch()
        return _run_apps(get_settings(), development)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        embedded.stop()


def _move_old_data() -> None:
    """Takes over what an older version has left: once this has ended, nobody could.

    Raises:
        StartError: it failed, and has said why.
    """
    if subprocess.run(["flask", "partitions", "move"], cwd=ROOT, check=False).returncode:
        raise StartError("The data of an older version could not be moved; see above.")


def _run_apps(settings: Settings, development: Development) -> int:
    _check_port(settings)
    host = "127.0.0.1" if settings.bind_host in ("0.0.0.0", "::") else settings.bind_host
    address = f"http://{host}:{settings.port}"

    def announce(apps: Apps) -> None:
        threading.Thread(target=_announce, args=(apps, address, development), daemon=True).start()

    return Apps((ROOT / "Procfile.dev").read_text(), os.environ, announce).run()


def _announce(apps: Apps, address: str, development: Development) -> None:
    """Prints Chattergram's address once it is ready, or what it is waiting for if that takes long."""
    deadline = time.monotonic() + READY_SECONDS
    while (missing := _missing(address)) is not None:
        if time.monotonic() > deadline:
            apps.say(f"Not ready after {READY_SECONDS:g} s: {missing}")
            return
        time.sleep(POLL)
    apps.say(f"Chattergram is ready: {address}   (data in {development.data}; Ctrl-C stops it)")
    apps.say(f"Flower shows the queues: {development.flower}   ({development.flower_login})")


def _missing(address: str) -> str | None:
    """What `/readyz` reports as missing; None once the server is ready."""
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=PROBE_SECONDS):
            return None
    except urllib.error.HTTPError as error:
        return error.read(2_000).decode(errors="replace")
    except OSError as error:
        return str(error)


def _check_port(settings: Settings) -> None:
    """Checks the port before anything starts.

    Raises:
        StartError: somebody is already listening on it.
    """
    family = socket.AF_INET6 if ":" in settings.bind_host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.bind_host, settings.port))
        except OSError as error:
            raise StartError(
                f"Cannot listen on {settings.bind_host}:{settings.port} ({error.strerror}). To run a second instance "
                "on another port and with its own data: make run PORT=8081 DATA_DIR=.data-8081"
            ) from None


def _with_our_programs(variables: dict[str, str]) -> dict[str, str]:
    """Puts the programs of our own Python, such as gunicorn and celery, first on the PATH."""
    ours = os.path.dirname(sys.executable)  # noqa: PTH120 (resolving it would leave the virtual environment)
    return {**variables, "PATH": f"{ours}{os.pathsep}{variables.get('PATH', os.defpath)}"}


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        os.chdir(ROOT)
        sys.exit(main())
