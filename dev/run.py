"""What `make run` does: start the servers, the processes of `Procfile.dev`, and stop them all on Ctrl-C."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request

from config.settings import Settings, get_settings
from dev.apps import Apps
from dev.embedded import Embedded
from dev.environment import ROOT, Development
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
    embedded = Embedded(
        development.data, redis_wanted=development.redis_wanted, mongodb_wanted=development.mongodb_wanted
    )
    try:
        embedded.start()
        redis, mongodb = embedded.redis, embedded.mongodb
        development.embed(
            redis_url=redis.url(0) if redis else None,
            broker_url=redis.url(1) if redis else None,
            mongodb_uri=mongodb.url() if mongodb else None,
        )
        development.place_flower()
        os.environ.update(_with_our_programs(development.variables))
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


def _run_apps(settings: Settings, development: Development) -> int:
    _check_port(settings)
    host = "127.0.0.1" if settings.bind_host in ("0.0.0.0", "::") else settings.bind_host
    address = f"http://{host}:{settings.port}"

    def announce(apps: Apps) -> None:
        threading.Thread(target=_announce, args=(apps, address, development), daemon=True).start()

    return Apps((ROOT / "Procfile.dev").read_text(), os.environ, announce).run()


def _announce(apps: Apps, address: str, development: Development) -> None:
    """Say where Chattergram is once it is ready, or what it waits for when that takes long."""
    deadline = time.monotonic() + READY_SECONDS
    while (missing := _missing(address)) is not None:
        if time.monotonic() > deadline:
            apps.say(f"Not ready after {READY_SECONDS:g} s: {missing}")
            return
        time.sleep(POLL)
    apps.say(f"Chattergram is ready: {address}   (data in {development.data}; Ctrl-C stops it)")
    apps.say(f"Flower shows the queues: {development.flower}   ({development.flower_login})")


def _missing(address: str) -> str | None:
    """What `/readyz` lacks; None when it lacks nothing."""
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=PROBE_SECONDS):
            return None
    except urllib.error.HTTPError as error:
        return error.read(2_000).decode(errors="replace")
    except OSError as error:
        return str(error)


def _check_port(settings: Settings) -> None:
    """Say so before anything starts when somebody listens there already.

    Raises:
        StartError: they do.
    """
    family = socket.AF_INET6 if ":" in settings.bind_host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.bind_host, settings.port))
        except OSError as error:
            raise StartError(
                f"Cannot listen on {settings.bind_host}:{settings.port} ({error.strerror}). For another port, and "
                "other data than those of an instance that runs: make run PORT=8081 DATA_DIR=.data-8081"
            ) from None


def _with_our_programs(variables: dict[str, str]) -> dict[str, str]:
    """gunicorn and celery are those of the Python that runs this."""
    ours = os.path.dirname(sys.executable)  # noqa: PTH120 (resolving it would leave the virtual environment)
    return {**variables, "PATH": f"{ours}{os.pathsep}{variables.get('PATH', os.defpath)}"}


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        os.chdir(ROOT)
        sys.exit(main())
