"""All settings in one typed class, read from the environment and `.env` and validated at the start.

README.md's table and `.env.example` are generated from the fields and their descriptions.
"""

import base64
import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import starmap
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config import addresses, platforms

Made = TypeVar("Made")
DEVELOPMENT_SECRET = "development-only-secret-never-use-it-elsewhere"  # noqa: S105
SECRET_BYTES = 32
ERROR = "Value error, "  # how pydantic begins ours
CALLS_TOGETHER = 12  # to Deepgram, by one transcriber
MAX_THREADS = 4
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # FIPS 186-4, D.1.2.3


# The limits outside production, which allow load runs from one address.
NO_BOUND = 1_000_000
RELAXED: dict[str, Any] = {
    "limit_signup_address": "300 per minute",
    "limit_messages": "2000 per second",
    "limit_transcription": "1000000 per hour",
    "limit_transcribe_again": "1000000 per hour",
    "limit_transcribe_again_message": "1000000 per hour",
    "limit_reads": "2000 per second",
    "limit_searches": "2000 per second",
    "limit_changes": "2000 per second",
    "limit_read_marks": "2000 per second",
    "limit_profile": "2000 per second",
    "limit_links": "2000 per second",
    "limit_uploads": "2000 per minute",
    "limit_pieces": "2000 per second",
    "connections_per_address": NO_BOUND,
    "sockets_per_address": NO_BOUND,
    "sockets_per_person": 1_000,
    "socket_frames": 2_500,
    "socket_bytes": 4 * 2**20,
}


class SettingsError(SystemExit):
    """A setting is missing or wrong; the text says which and why. Ends the process with status 1."""


def _limits(value: str) -> str:
    from limits import parse_many

    parse_many(value)
    return value


Limits = Annotated[str, AfterValidator(_limits)]


def _key(value: SecretStr | None) -> SecretStr | None:
    """A key as it is sent in a header. What was pasted with quotes or blanks would fail at every call, much later."""
    if value is not None and not re.fullmatch(r"[!#-&(-_a-~]*", value.get_secret_value()):
        raise ValueError("a key has no blanks, quotes, control characters or letters beyond ASCII; paste it alone")
    return value


def _power_of_two(value: int) -> int:
    if value.bit_count() != 1:
        raise ValueError("must be a power of two")
    return value


def _vapid_key(value: SecretStr | None) -> SecretStr | None:
    """The number that is a private key on the curve P-256, as 32 bytes of base64url."""
    if value is None or not value.get_secret_value():
        return None
    text = value.get_secret_value()
    if not re.fullmatch(r"[\w-]{43}=?", text, re.ASCII) or not 0 < _number(text) < P256_ORDER:
        raise ValueError("must be 32 bytes in base64url, as bin/setup makes them")
    return SecretStr(text.rstrip("="))


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text.rstrip("=") + "="), "big")


def _contact(value: str) -> str:
    if value and not re.fullmatch(r"mailto:[^@\s]+@[\w.-]+|https://[\w.-]+(:\d+)?(/\S*)?", value):
        raise ValueError("must be mailto:name@host or https://host")
    return value


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore")

    environment: Literal["production", "development", "test"] = Field(
        "production",
        description="What this process runs as; only `production` is strict about secrets and addresses.",
    )
    secret_key: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET),
        description="Signs access tokens and audio links; at least 32 bytes, the same for every process.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe log level shown.")

    # Stores and queue
    redis_url: Annotated[str, AfterValidator(addresses.redis)] = Field(
        "redis://127.0.0.1:6379/0",
        description="Redis with search and JSON: hot data and pub/sub. Sentinels that know its master: "
        "`redis+sentinel://host,host/name`, with TLS `rediss+sentinel://`. Some nodes of a Redis Cluster: "
        "`redis+cluster://host,host`, with TLS `rediss+cluster://`.",
    )
    redis_ca_certs: Annotated[str, AfterValidator(addresses.authority)] = Field(
        "",
        description="File (PEM) with the authorities that may sign the certificates of Redis and the broker "
        "(`rediss://`, `rediss+sentinel://`, `rediss+cluster://`); by default, those the system trusts.",
    )
    celery_broker_url: Annotated[str, AfterValidator(addresses.broker)] = Field(
        "",
        description="Celery's broker: another Redis database or server, or RabbitMQ; by default the database after "
        "that of `REDIS_URL`. Needed beside a Redis Cluster, which has one database and which Celery does not know.",
    )
    redis_connections: int = Field(
        16,
        ge=2,
        le=1_000,
        description="Maximum connections to Redis of a process or pool; at the limit a command waits for one.",
    )
    redis_replicas: int = Field(
        0,
        ge=0,
        le=10,
        description="How many replicas of Redis, or of each of its nodes, must have a message before it is accepted, "
        "or know that a session has ended. Without any, a sudden promotion may lose the last moment's.",
    )
    monitoring: bool = Field(
        True, description="Whether Flower can watch workers, which costs each of them six connections to the broker."
    )
    broker_connections: int = Field(
        10,
        ge=1,
        le=100,
        description="Maximum connections a process sends to the broker over; Flower needs all 10.",
    )
    mongodb_uri: Annotated[str, AfterValidator(addresses.mongodb)] = Field(
        "mongodb://127.0.0.1:27017/chattergram?replicaSet=rs0",
        description="MongoDB, a replica set; includes the name of the database.",
    )

    # Web
    port: int = Field(8080, ge=1, le=65535, description="TCP port of the web processes.")
    bind_host: str = Field("0.0.0.0", description="Address the web processes listen on.")  # noqa: S104
    web_concurrency: int = Field(1, ge=1, le=64, description="gunicorn worker processes.")
    cors_origins: str = Field("*", description="Allowed origins of other web clients, comma-separated; `*` for any.")
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="Number of reverse proxies in front whose `X-Forwarded-For` to trust."
    )
    public_url: Annotated[str, AfterValidator(addresses.public)] = Field(
        "",
        description="The address people use, like `https://chat.example.org` or `https://example.org/chat-app`; by "
        "default, the one their browsers send.",
    )
    page_modules: bool = Field(
        False, description="Serve the page's modules as they are, even if there is a build of them."
    )
    web_connections: int = Field(
        12_000,
        ge=16,
        description="Connections of a web process, sockets included; beyond it, the one idle longest is closed.",
    )
    connections_per_address: int = Field(
        1_000, ge=1, description="Connections per address to a web process (unlimited outside production)."
    )
    request_header_timeout: float = Field(10.0, gt=0, description="Seconds for a request's headers to arrive.")
    request_body_timeout: float = Field(
        20.0, gt=0, description="Seconds for a request's body to arrive, plus one per `REQUEST_BODY_RATE`."
    )
    request_body_rate: int = Field(4_096, ge=1, description="Bytes of a body that extend its time by a second.")
    response_timeout: float = Field(
        60.0, gt=0, description="Seconds a client may read nothing of a response; then its connection is closed."
    )
    token_lifetime: int = Field(7 * 86_400, ge=60, description="Seconds an access token is valid.")
    audio_link_lifetime: int = Field(3_600, ge=10, description="Seconds a signed audio link is valid.")

    redis_memory_warning: float = Field(
        0.75,
        gt=0,
        le=1,
        description="Share of Redis's `maxmemory` from which on `/readyz` and the metrics warn, and recordings that "
        "are being made are refused with 503.",
    )
    redis_memory_full: float = Field(
        0.85,
        gt=0,
        le=1,
        description="Share of Redis's `maxmemory` from which on POST /chat returns 503; accepted messages that are not "
        "stored yet count with the room they will need.",
    )

    # Messages
    history_limit: int = Field(200, ge=1, le=1_000, description="Maximum messages the plain history call returns.")
    hot_window_days: int = Field(92, ge=1, description="Days of chat kept in Redis; older ones are read from MongoDB.")
    partitions: Annotated[int, AfterValidator(_power_of_two)] = Field(
        16,
        ge=1,
        le=256,
        description="Parts of the messages in Redis, by conversation, which workers drain independently; a power of "
        "two. Fixed at the first start, and refused when changed later.",
    )
    accepted_limit: int = Field(
        200_000,
        ge=100,
        description="Maximum accepted messages waiting to be stored, in equal shares for each of `PARTITIONS`; beyond "
        "one, POST /chat returns 503.",
    )
    resume_limit: int = Field(500, ge=1, le=10_000, description="Frames kept per person for sockets that resume.")
    resume_days: int = Field(7, ge=1, description="Days those frames are kept.")

    # Audio
    upload_max_bytes: int = Field(25 * 2**20, ge=1_024, description="Largest upload request, in bytes.")
    audio_max_seconds: int = Field(600, ge=1, description="Longest recording, in seconds.")
    audio_processes: int = Field(
        4, ge=1, le=64, description="Recordings a web process measures at the same time; it converts half as many."
    )
    audio_waiting: int = Field(
        16, ge=0, description="Recordings that may wait for that; beyond it, POST /upload returns 503."
    )
    upload_ttl: int = Field(3_600, ge=1, description="Seconds until an upload that no message claims is deleted.")

    uploads_at_once: int = Field(3, ge=1, description="Uploads of one person at the same time.")
    uploads_unclaimed_bytes: int = Field(
        200 * 2**20, ge=1_024, description="Bytes one person may have uploaded but not sent."
    )
    uploads_all_bytes: int = Field(5 * 2**30, ge=1_024, description="Bytes all recordings of one person may take up.")

    recordings_at_once: int = Field(
        4, ge=1, description="Unfinished recordings of one person, which travel while they are made; beyond it, 429."
    )
    recording_ttl: int = Field(
        86_400, ge=1, description="Seconds after its last piece until an unfinished recording is deleted."
    )

    # Transcription
    deepgram_api_key: Annotated[SecretStr | None, AfterValidator(_key)] = Field(
        None, description="Deepgram's key; without it Whisper transcribes on this machine."
    )
    deepgram_base_url: str = Field("https://api.deepgram.com", description="Deepgram, or a self-hosted one.")
    deepgram_model: str = Field("nova-3", description="Deepgram's model.")
    deepgram_language: Literal["multi", "detect"] = Field(
        "multi",
        description="How Deepgram finds the language: `multi` understands several in one recording and takes the "
        "sender's languages as hints; `detect` finds the one there is, for models without `multi`.",
    )
    deepgram_keyterms: str = Field(
        "", description="Names and terms Deepgram should listen for, comma-separated; at most 100."
    )
    deepgram_profanity_filter: bool = Field(False, description="Have Deepgram mask profanity.")
    deepgram_redact: str = Field(
        "", description="What Deepgram leaves out of transcripts, comma-separated: `pci`, `pii`, `phi`, `numbers`."
    )
    whisper_model: str = Field(
        "base",
        min_length=1,
        description="Whisper's model: a folder, or a size (`tiny`, `base`, `small`, `medium`, `large-v3`, `turbo`; "
        "with `.en` for English alone), which is fetched from faster-whisper's hub when it is first needed.",
    )
    whisper_threads: int | None = Field(
        None, ge=1, le=64, description="Threads Whisper uses for one recording; by default one per core, at most 4."
    )
    transcription_timeout: int = Field(60, ge=1, description="Seconds one call to Deepgram may take.")
    transcription_attempts: int = Field(
        5, ge=1, le=20, description="Attempts before a message is delivered `untranscribed`."
    )
    transcription_backoff: float = Field(
        5.0, gt=0, description="Seconds before the second attempt; doubles each time, at most 300."
    )
    transcription_concurrency: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Recordings a transcriber works on at once, and as many that it follows while they are made; by "
        "default 12 with Deepgram, which only waits, else one for each `WHISPER_THREADS` cores, at least 2.",
    )

    # Web Push
    vapid_private_key: Annotated[SecretStr | None, AfterValidator(_vapid_key)] = Field(
        None,
        description="Signs notifications (Web Push), the same for every process; bin/setup makes one. Without it there "
        "are none while the page is closed; with another one, every browser has to subscribe again.",
    )
    vapid_subject: Annotated[str, AfterValidator(_contact)] = Field(
        "",
        description="Where push services can reach you: `mailto:` or `https://`; by default `PUBLIC_URL`. Apple's "
        "sends nothing without one that exists.",
    )
    push_to_private_hosts: bool = Field(
        False,
        description="Send notifications also by http and to private networks: for tests; refused in production.",
    )

    # Limits. These strict defaults are for production; see `_relax_limits`
    limit_login_account: Limits = Field(
        "10 per 15 minute", description="Failed log-ins per account from one address; an IPv6 address is its /64."
    )
    limit_login_account_total: Limits = Field(
        "100 per 15 minute", description="Failed log-ins per account from all addresses it was not recently used from."
    )
    limit_login_address: Limits = Field("50 per 15 minute", description="Failed log-ins per address.")
    limit_signup_address: Limits = Field(
        "10 per hour", description="Sign-ups per address (300 a minute outside production)."
    )
    limit_messages: Limits = Field(
        "20 per second; 600 per minute",
        description="Messages per person; a text counts as one for every 1,000 characters it begins (2,000 a "
        "second outside production).",
    )
    # As much as a person can say: an hour of speech in an hour, and five in a day. Whisper's base model takes about
    # half a core for that hour, so nobody alone keeps a machine of two busy, or runs up a bill at Deepgram.
    limit_transcription: Limits = Field(
        "60 per hour; 300 per day",
        description="Minutes of recordings transcribed per person (no limit outside production).",
    )
    limit_transcribe_again: Limits = Field(
        "30 per hour; 100 per day",
        description="Recordings a person may have transcribed again (no limit outside production).",
    )
    limit_transcribe_again_message: Limits = Field(
        "10 per day", description="Times one recording may be transcribed again (no limit outside production)."
    )
    limit_reads: Limits = Field(
        "50 per second; 1500 per minute",
        description="Reads of histories, lists and recordings per person (2,000 a second outside production).",
    )
    limit_searches: Limits = Field(
        "5 per second; 90 per minute", description="Searches per person (2,000 a second outside production)."
    )
    limit_changes: Limits = Field(
        "5 per second; 60 per minute; 600 per hour",
        description="Messages edited or deleted per person (2,000 a second outside production).",
    )
    limit_read_marks: Limits = Field(
        "10 per second; 300 per minute", description="Read marks per person (2,000 a second outside production)."
    )
    limit_profile: Limits = Field(
        "10 per minute; 60 per hour",
        description="Changes of name, bio or password, and log-outs, per person (2,000 a second outside production).",
    )
    limit_links: Limits = Field(
        "10 per second; 300 per minute",
        description="Links to recordings per person (2,000 a second outside production).",
    )
    limit_uploads: Limits = Field(
        "200 per hour", description="Uploads and recordings per person (2,000 a minute outside production)."
    )
    limit_pieces: Limits = Field(
        "20 per second; 600 per minute",
        description="Pieces of recordings per person (2,000 a second outside production).",
    )

    # Operations
    metrics_token: SecretStr | None = Field(
        None,
        description="The bearer token that `/metrics` requires; without it, `/metrics` is closed in production.",
    )

    # Sockets
    socket_auth_timeout: float = Field(10.0, gt=0, description="Seconds a socket without a token may take to send one.")
    sockets_per_person: int = Field(
        20, ge=1, description="Sockets per person to a web process (1,000 outside production)."
    )
    sockets_per_address: int = Field(
        500, ge=1, description="Sockets per address to a web process (unlimited outside production)."
    )
    sockets_unproven: int = Field(500, ge=1, description="Sockets of a web process that have not sent a token yet.")
    socket_frames: int = Field(
        50,
        ge=1,
        description="Frames a socket may send per second, in bursts of up to four times that; beyond it, it is read "
        "more slowly (2,500 outside production).",
    )
    socket_bytes: int = Field(
        256 * 1024, ge=1_024, description="Bytes, limited in the same way (4 MiB outside production)."
    )
    socket_pings: int = Field(10, ge=1, description="Pings and pongs, limited in the same way.")
    socket_patience: float = Field(
        5.0, gt=0, description="Seconds by which, or for which, a socket may exceed these limits; then close 1008."
    )
    socket_queue_frames: int = Field(256, ge=1, description="Frames waiting per socket; beyond it, close 1013.")
    socket_queue_bytes: int = Field(2**20, ge=1_024, description="Bytes waiting per socket; beyond it, close 1013.")
    sockets_queue_bytes: int = Field(
        128 * 2**20,
        ge=1_024,
        description="Bytes waiting for all sockets of a web process together; beyond it, close 1013.",
    )
    socket_send_timeout: float = Field(
        10.0, gt=0, description="Seconds in which a client must read 64 KiB of what is waiting; then close 1013."
    )
    socket_resume_interval: float = Field(3.0, ge=0, description="Minimum seconds between two resumes of a socket.")
    socket_resume_bytes: int = Field(
        4 * 2**20, ge=1_024, description="Maximum bytes sent for one resume; beyond it, the client has to reload."
    )
    otlp_endpoint: str = Field(
        "",
        description="Where to send traces by OTLP over HTTP, like `http://collector:4318/v1/traces`; needs "
        "`requirements/tracing.txt`. Without it there are none.",
    )
    traces_share: float = Field(1.0, ge=0, le=1, description="Share of the calls that are traced.")
    presence: Literal["everyone", "contacts"] = Field(
        "everyone",
        description="Who is shown who is online: everyone, or `contacts`, those who have a conversation with that "
        "person; the same for every process.",
    )
    presence_lease: int = Field(15, ge=3, le=25, description="Seconds until a dead process's people count as offline.")
    presence_frames_per_second: int = Field(
        20_000,
        ge=1,
        description="Maximum presence frames a web process sends a second; changes beyond it are coalesced.",
    )
    shutdown_grace: int = Field(
        20,
        ge=1,
        le=25,
        description="Seconds a stopping process may take for its requests and tasks; platforms kill it after 30.",
    )

    @property
    def deepgram_wanted(self) -> bool:
        """Whether to transcribe with Deepgram rather than with the local recogniser."""
        return self.deepgram_api_key is not None and bool(self.deepgram_api_key.get_secret_value())

    @property
    def base_path(self) -> str:
        """The path that everything is below, like `/chat-app`; empty if the host is ours alone."""
        return urlsplit(self.public_url).path

    @property
    def push_contact(self) -> str:
        """Whom a push service may tell of trouble; it is part of every signature."""
        public = self.public_url if self.public_url.startswith("https://") else ""
        return self.vapid_subject or public or "mailto:operator@localhost"

    @property
    def speech_threads(self) -> int:
        """Threads Whisper hears one recording with. Beyond 4 they wait for each other more than they help."""
        return self.whisper_threads or min(MAX_THREADS, _cores())

    @property
    def recordings_together(self) -> int:
        """Recordings a transcriber works on at once. Two at least, so that a long one does not hold up a short one."""
        if self.transcription_concurrency is not None:
            return self.transcription_concurrency
        return CALLS_TOGETHER if self.deepgram_wanted else max(2, _cores() // self.speech_threads)

    @property
    def followed_together(self) -> int:
        """Recordings a transcriber follows at once while they are made; they take no place of those that were sent."""
        return self.recordings_together

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        own = (init_settings, env_settings, dotenv_settings, file_secret_settings)
        return (*own, platforms.PlatformSource(settings_cls))

    @model_validator(mode="after")
    def _relax_limits(self) -> Self:
        if self.environment != "production":
            for name, value in RELAXED.items():
                if name not in self.model_fields_set:
                    setattr(self, name, value)
        return self

    @model_validator(mode="after")
    def _place_broker(self) -> Self:
        if not self.celery_broker_url and self.redis_url.startswith("unix:"):
            raise ValueError("CELERY_BROKER_URL must be set if REDIS_URL is a Unix socket")
        if not self.celery_broker_url and addresses.is_cluster(self.redis_url):
            raise ValueError("CELERY_BROKER_URL must be set if REDIS_URL is a Redis Cluster")
        if self.redis_ca_certs and "redis_url" in self.model_fields_set:
            self.redis_url = addresses.trusting(self.redis_url, self.redis_ca_certs)
            self.celery_broker_url = addresses.trusting(self.celery_broker_url, self.redis_ca_certs)
        self.celery_broker_url = addresses.verified(self.celery_broker_url or next_database(self.redis_url))
        return self

    @model_validator(mode="after")
    def _refuse_unsafe(self) -> Self:
        wrong = []
        if self.environment != "development" and self.secret_key.get_secret_value() == DEVELOPMENT_SECRET:
            wrong.append(f"SECRET_KEY must be set in {self.environment} (bin/setup writes one into .env)")
        if len(self.secret_key.get_secret_value().encode()) < SECRET_BYTES:
            wrong.append(f"SECRET_KEY must have at least {SECRET_BYTES} bytes")
        if self.environment == "production":
            if self.push_to_private_hosts:
                wrong.append("PUSH_TO_PRIVATE_HOSTS is only for tests: anybody could reach this network by it")
            needed = ("redis_url", "mongodb_uri")
            wrong += [
                f"{name.upper()} must be set in production" for name in needed if name not in self.model_fields_set
            ]
        if wrong:
            raise ValueError("\n  ".join(wrong))
        return self


def _cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def next_database(redis_url: str) -> str:
    """The address of the next database on the same Redis, keeping only the TLS options: kombu fails on the others."""
    parts = urlsplit(redis_url)
    if found := addresses.sentinels(redis_url):
        return urlunsplit(parts._replace(path=f"/{found.service}/{found.database + 1}"))
    options = "&".join(each for each in parts.query.split("&") if each.startswith("ssl_"))
    database = parts.path.strip("/")
    following = int(database) + 1 if database.isdigit() else 1
    return urlunsplit(parts._replace(path=f"/{following}", query=options))


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Returns this process's settings.

    Raises:
        SettingsError: one is missing or wrong; the text names it but never includes its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise unusable(dict(_reason(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors())) from None


def _reason(name: str, message: str) -> tuple[str, str]:
    """A setting and what is wrong with it, with the platform's name that set it."""
    other = platforms.found(name)
    is_other = other and name.upper() not in os.environ
    return name, f"taken from {other}, {message.removeprefix(ERROR)}" if is_other else message


def unusable(reasons: Mapping[str, str]) -> SettingsError:
    """Returns the error that ends a process, with a line for each setting and what is wrong with it."""
    return SettingsError("Chattergram cannot start:\n" + "\n".join(starmap(_sentence, reasons.items())))


def made_of(setting: str, make: Callable[[], Made], *errors: type[Exception]) -> Made:
    """Returns what `make` makes of a setting's value, without connecting.

    Raises SettingsError if the client cannot use it, which it says by an error of a general kind or one of `errors`.
    """
    kinds: tuple[type[Exception], ...] = (TypeError, ValueError, OSError, *errors)
    try:
        return make()
    except kinds as error:
        raise unusable({setting: f"cannot be used: {str(error)[:200]}"}) from None


def _sentence(name: str, message: str) -> str:
    text = message.removeprefix(ERROR)
    return f"  {name.upper()}: {text}" if name else f"  {text}"
