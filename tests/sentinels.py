"""Redis as it is run for others: with TLS by an authority of one's own, with a replica, watched by Sentinel."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import redis
import trustme

from dev.embedded import RedisServer
from dev.install import redis_folder
from dev.processes import LOOPBACK, ManagedProcess, free_port

NAME = "chattergram"  # of the master, among the sentinels
PASSWORD = "a/pass:word of the tests"  # of the master and its replicas
SENTINEL_PASSWORD = "another of the sentinels"


class Authority:
    """Files with an authority's certificate, and with one it gave to every server here."""

    def __init__(self, folder: Path) -> None:
        made = trustme.CA()
        own = made.issue_cert(LOOPBACK)
        self.file, self._certificate, self._key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
        made.cert_pem.write_to_path(self.file)
        own.cert_chain_pems[0].write_to_path(self._certificate)
        own.private_key_pem.write_to_path(self._key)

    def options(self) -> dict[str, str]:
        """What makes a Redis or a sentinel speak TLS to everybody, apart from its port."""
        return {
            "tls-auth-clients": "no",
            "tls-ca-cert-file": str(self.file),
            "tls-cert-file": str(self._certificate),
            "tls-key-file": str(self._key),
            "tls-replication": "yes",
        }


class Node(RedisServer):
    """A master, or the replica of one; with an authority it speaks TLS alone and wants a password."""

    def __init__(
        self,
        folder: Path,
        name: str,
        authority: Authority | None = None,
        master: RedisServer | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self._options = dict(options or {})
        super().__init__(name, folder / name, folder / f"{name}.log")
        self._authority, self._master = authority, master
        self.protected = authority is not None

    @property
    def password(self) -> str:
        return PASSWORD if self.protected else ""

    def arguments(self) -> list[str]:
        command = super().arguments()
        options = dict(self._options)
        if self._master is not None:
            options["replicaof"] = f"{LOOPBACK} {self._master.port}"
        if self._authority is not None:
            (self.data / "redis.conf").write_text(f'requirepass "{PASSWORD}"\nmasterauth "{PASSWORD}"\n')
            options |= {"port": "0", "tls-port": str(self.port), **self._authority.options()}
            del command[command.index("--port") :][:2]
        return [*command, *(part for name, value in options.items() for part in (f"--{name}", value))]

    def client(self) -> redis.Redis:
        trusted = {} if self._authority is None else {"ssl_ca_certs": str(self._authority.file)}
        return redis.Redis.from_url(self.url(), socket_timeout=2, retry=None, **trusted)

    def url(self, database: int = 0) -> str:
        if self._authority is None:
            return super().url(database)
        return f"rediss://:{quote(PASSWORD, safe='')}@{LOOPBACK}:{self.port}/{database}"


class Sentinel(ManagedProcess):
    """A single sentinel, which decides by itself; a real set has three on three machines."""

    def __init__(self, folder: Path, master: RedisServer, authority: Authority | None = None) -> None:
        self.port = free_port()
        self._authority = authority
        options = {"bind": LOOPBACK, "dir": str(folder), "port": str(self.port)}
        secrets = ""
        if authority is not None:
            options |= {"port": "0", "tls-port": str(self.port), **authority.options()}
            secrets = f'requirepass "{SENTINEL_PASSWORD}"\nsentinel auth-pass {NAME} "{PASSWORD}"\n'
        config = folder / "sentinel.conf"
        config.write_text(
            "".join(f"{name} {value}\n" for name, value in options.items())
            + f"sentinel monitor {NAME} {LOOPBACK} {master.port} 1\n"
            + f"sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 5000\n{secrets}"
        )
        program = str(redis_folder() / "bin" / "redis-server")
        super().__init__("Sentinel", [program, str(config), "--sentinel"], log=folder / "sentinel.log")

    def url(self, *others: str) -> str:
        """The address for `REDIS_URL`, with other sentinels (host:port) before this one."""
        hosts = ",".join((*others, f"{LOOPBACK}:{self.port}"))
        if self._authority is None:
            return f"redis+sentinel://{hosts}/{NAME}"
        owner, own = quote(PASSWORD, safe=""), quote(SENTINEL_PASSWORD)
        return f"rediss+sentinel://:{owner}@{hosts}/{NAME}?sentinel_password={own}"

    def knows_master(self) -> bool:
        return bool(self.master_port())

    def knows_replica(self) -> bool:
        return bool(self._ask("REPLICAS", NAME))

    def master_port(self) -> int:
        """The port of the master it names; 0 if it names none now."""
        found = self._ask("GET-MASTER-ADDR-BY-NAME", NAME)
        return int(found[1]) if found else 0

    def _ask(self, *command: str) -> list[bytes]:
        secured = (
            {}
            if self._authority is None
            else {"ssl": True, "ssl_ca_certs": str(self._authority.file), "password": SENTINEL_PASSWORD}
        )
        with redis.Redis(LOOPBACK, self.port, retry=None, socket_timeout=5, **secured) as client:
            try:
                found: list[bytes] = client.execute_command("SENTINEL", *command)
            except redis.RedisError:
                return []
        return found
