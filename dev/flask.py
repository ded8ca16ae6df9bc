"""Runs `flask` on the data of `make run`: `bin/flask state`, or `DATA_DIR=... bin/flask state` for another instance."""

import os
import sys
from pathlib import Path

from dev.embedded import MongoServer, RedisServer
from dev.environment import Development
from dev.processes import StartError


def main() -> None:
    try:
        development = Development(os.environ)
    except StartError as error:
        raise SystemExit(str(error)) from None
    logs = development.data / "log"
    redis = RedisServer("Redis", development.data / "redis", logs / "redis.log")
    mongodb = MongoServer("MongoDB", development.data / "mongodb", logs / "mongodb.log")
    for server in (redis, mongodb):
        server.port = server.last_port() or 0
    if (development.needs_redis and not redis.port) or (development.needs_mongodb and not mongodb.port):
        raise SystemExit(f"There is no data in {development.data} yet: start it with `make run`.")
    development.add_embedded(redis_url=redis.url(0), broker_url=redis.url(1), mongodb_uri=mongodb.url())
    program = Path(sys.executable).with_name("flask")
    os.execve(program, [str(program), *sys.argv[1:]], development.variables)


if __name__ == "__main__":
    main()
