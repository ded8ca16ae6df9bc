"""The environment of a development run: `.env` below the real environment, and what both leave open."""

from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from dev.private import kept_secret, private_data, private_file
from dev.processes import LOOPBACK, StartError, free_port

ROOT = Path(__file__).resolve().parent.parent
DATA_FOLDER = ".data"
FLOWER_USER = "flower"


class Development:
    """What `make run` gives its processes; `variables` are complete once `embed` or the user filled the stores in."""

    def __init__(self, environment: Mapping[str, str], env_file: Path = ROOT / ".env") -> None:
        from_file = {name: value for name, value in dotenv_values(env_file).items() if value}
        self.variables = {**from_file, **{name: value for name, value in environment.items() if value}}
        self.data = ROOT / Path(self.variables.get("DATA_DIR", DATA_FOLDER)).expanduser()
        try:
            private_data(self.data)
        except PermissionError:
            raise StartError(f"{self.data} belongs to somebody else. Set DATA_DIR to a folder of your own.") from None
        own = {
            "ENVIRONMENT": "development",
            "BIND_HOST": "127.0.0.1",
            "PYTHONUNBUFFERED": "1",
            "FLOWER_ADDRESS": LOOPBACK,
        }
        if "SECRET_KEY" not in self.variables:
            own["SECRET_KEY"] = kept_secret(self.data / "secret_key")
        self.flower = self.flower_login = ""
        self.variables = {**own, **self.variables, "DATA_DIR": str(self.data)}

    def place_flower(self) -> None:
        """Give Flower a free port, the one of last time where that is free, and a password of its own.

        It can stop workers, so a password keeps it from other users of this machine, and from pages in the browser.
        """
        if "FLOWER_PORT" not in self.variables:
            kept = self.data / "flower_port"
            self.variables["FLOWER_PORT"] = str(free_port(int(kept.read_text()) if kept.exists() else None))
            private_file(kept, self.variables["FLOWER_PORT"])
        self.flower = f"http://{LOOPBACK}:{self.variables['FLOWER_PORT']}"
        if "FLOWER_BASIC_AUTH" in self.variables:
            self.flower_login = "name and password as in FLOWER_BASIC_AUTH"
        else:
            password = self.data / "flower_password"
            self.variables["FLOWER_BASIC_AUTH"] = f"{FLOWER_USER}:{kept_secret(password)}"
            self.flower_login = f"name {FLOWER_USER}, password in {password}"

    @property
    def redis_wanted(self) -> bool:
        return "REDIS_URL" not in self.variables

    @property
    def mongodb_wanted(self) -> bool:
        return "MONGODB_URI" not in self.variables

    def embed(self, *, redis_url: str | None, broker_url: str | None, mongodb_uri: str | None) -> None:
        """Point the processes at the embedded servers, where there are such and the user names none."""
        found = {"REDIS_URL": redis_url, "CELERY_BROKER_URL": broker_url, "MONGODB_URI": mongodb_uri}
        self.variables = {**{name: url for name, url in found.items() if url}, **self.variables}
