"""The environment of a development run: the real environment, then `.env`, then our defaults for what both lack."""

import sys
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from config.settings import Settings
from dev import whisper_model
from dev.private import private_data, private_file, stored_secret
from dev.processes import LOOPBACK, StartError, free_port
from dev.setup import new_vapid_key

ROOT = Path(__file__).resolve().parent.parent
DATA_FOLDER = ".data"
FLOWER_USER = "flower"
DEFAULT_MODEL = str(Settings.model_fields["whisper_model"].default)


class Development:
    """The environment that `make run` gives its processes: `variables`, complete after `add_embedded`."""

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
            "HEALTH_DIR": str(self.data / "health"),
            "FLOWER_ADDRESS": LOOPBACK,
        }
        if "SECRET_KEY" not in self.variables:
            own["SECRET_KEY"] = stored_secret(self.data / "secret_key")
        if "VAPID_PRIVATE_KEY" not in self.variables:
            own["VAPID_PRIVATE_KEY"] = stored_secret(self.data / "vapid_key", new_vapid_key)
        self.flower = self.flower_login = ""
        self.variables = {**own, **self.variables, "DATA_DIR": str(self.data)}

    def configure_flower(self) -> None:
        """Gives Flower a free port, its last one if possible, and a password of its own.

        Flower can stop workers; the password protects it from this machine's other users and from pages in the browser.
        """
        if "FLOWER_PORT" not in self.variables:
            stored = self.data / "flower_port"
            self.variables["FLOWER_PORT"] = str(free_port(int(stored.read_text()) if stored.exists() else None))
            private_file(stored, self.variables["FLOWER_PORT"])
        self.flower = f"http://{LOOPBACK}:{self.variables['FLOWER_PORT']}"
        if "FLOWER_BASIC_AUTH" in self.variables:
            self.flower_login = "name and password as in FLOWER_BASIC_AUTH"
        else:
            password = self.data / "flower_password"
            self.variables["FLOWER_BASIC_AUTH"] = f"{FLOWER_USER}:{stored_secret(password)}"
            self.flower_login = f"name {FLOWER_USER}, password in {password}"

    def place_model(self) -> None:
        """Point Whisper at a model that needs no hub, where it is one of those that PyPI has.

        Without one everything starts all the same, and says what to do.
        """
        name = self.variables.get("WHISPER_MODEL", DEFAULT_MODEL)
        if "DEEPGRAM_API_KEY" in self.variables or name not in whisper_model.MODELS:
            return
        try:
            self.variables["WHISPER_MODEL"] = str(whisper_model.folder(name))
        except whisper_model.ModelError as error:
            print(error, file=sys.stderr, flush=True)

    @property
    def needs_redis(self) -> bool:
        return "REDIS_URL" not in self.variables

    @property
    def needs_mongodb(self) -> bool:
        return "MONGODB_URI" not in self.variables

    def add_embedded(self, *, redis_url: str | None, broker_url: str | None, mongodb_uri: str | None) -> None:
        """Points the processes at the embedded servers that exist, except where the user has set an address."""
        found = {"REDIS_URL": redis_url, "CELERY_BROKER_URL": broker_url, "MONGODB_URI": mongodb_uri}
        self.variables = {**{name: url for name, url in found.items() if url}, **self.variables}
