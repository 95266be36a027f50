"""What a school can set, and where its configuration is found."""

import contextlib
import ipaddress
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from .core.configuration import ConfigurationError, load_configuration, variable_names
from .core.logs import LogFormat, LogLevel
from .core.throttle import parse_limit
from .core.transports.origins import ANY, parse_origin

FOLDER_VARIABLE = "STONECHAT_CONFIG_DIR"
SECRET_BYTES = 32
UNGUARDED = ("development", "test")
"""The environments that run without a secret and a database of the operator's."""


def _long_enough(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and len(secret.get_secret_value().encode()) < SECRET_BYTES:
        raise ValueError(f"must have {SECRET_BYTES} bytes or more")
    return secret


def _origin(text: str) -> str:
    try:
        return text if text == ANY else str(parse_origin(text))
    except ValueError:
        raise ValueError(f"{text!r} is not an origin, such as https://chat.example.org, nor *") from None


def _network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


def _limit(text: str) -> str:
    if text:
        parse_limit(text)
    return text


def _redis(text: str | None) -> str | None:
    if text is None:
        return None
    if not text.startswith(("redis://", "rediss://")):
        raise ValueError("is not a redis:// or rediss:// URL")
    try:
        parts = urlsplit(text)
        complete = bool(parts.hostname and parts.port)
    except ValueError:
        complete = False
    if not complete:
        raise ValueError("needs a host and a port, as redis://cache:6379 has")
    return text


def _collector(url: str | None) -> str | None:
    if url is not None and not re.fullmatch(r"https?://[^/\s]+/\S*", url):
        raise ValueError("is not the URL of a collector, such as http://collector:4318/v1/traces")
    return url


Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Http(Table):
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=3030, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    origins: list[Annotated[str, AfterValidator(_origin)]] = Field(
        default=[],
        description="Origins of web pages that may call the server, besides its own: CORS and websockets.",
    )
    max_body_bytes: Positive = Field(default=1_048_576, description="Longest request body, in bytes.")
    trusted_proxies: list[Annotated[str, AfterValidator(_network)]] = Field(
        default=[],
        description="Addresses or networks of the proxies whose X-Forwarded-For is believed.",
    )


class Sockets(Table):
    max_message_bytes: Positive = Field(default=65_536, description="Longest message of a client, in bytes.")
    max_pending_calls: Positive = Field(
        default=256, description="Calls of one connection that may wait for their turn; more are refused."
    )
    max_per_user: int = Field(
        default=50, ge=0, description="Connections of one user to one node at once; 0 for any number."
    )
    max_per_address: int = Field(
        default=10_000, ge=0, description="Sockets of one address to one node at once; 0 for any number."
    )
    connects_per_minute: int = Field(
        default=6000,
        ge=0,
        description="Sockets that one address may open on one node within a minute; 0 for any number.",
    )
    max_queued_bytes: Positive = Field(
        default=1_048_576,
        description="Bytes that may wait for a connection to read them; who has more unread is disconnected.",
    )
    drain_seconds: Seconds = Field(
        default=5.0, description="Longest time over which all connections are closed when the server stops."
    )
    ping_interval: Seconds = Field(default=15.0, description="Seconds between two pings to a client.")
    ping_timeout: Seconds = Field(default=10.0, description="Seconds a client may take to answer a ping.")


class MongoDb(Table):
    url: str | None = Field(
        default=None,
        repr=False,
        description="Server to use, as a mongodb:// URL; without one, a private server is started.",
    )
    database: str = Field(default="stonechat", min_length=1, description="Name of the database.")
    folder: Path = Field(default=Path("data/mongodb"), description="Data folder of the private server.")


class Redis(Table):
    url: Annotated[str | None, AfterValidator(_redis)] = Field(
        default=None,
        repr=False,
        description="Server that the nodes share, as a redis:// URL; without one, there is one node.",
    )
    lease_seconds: Seconds = Field(
        default=15.0, description="Seconds after which a node that is not heard of counts as dead."
    )


class Argon2(Table):
    time_cost: Positive = Field(default=3, description="Passes over the memory.")
    memory_cost: int = Field(default=65_536, ge=8, description="Memory for one hash, in KiB.")
    parallelism: Positive = Field(default=4, description="Lanes that are computed in parallel.")


class Lockout(Table):
    account: Annotated[str, AfterValidator(_limit)] = Field(
        default="5/15 minutes", description="Attempts to log in with one name until one succeeds."
    )
    address: Annotated[str, AfterValidator(_limit)] = Field(
        default="100/15 minutes", description="Failures to log in from one address; a school may share one."
    )


class Authentication(Table):
    secret: Annotated[SecretStr | None, AfterValidator(_long_enough)] = Field(
        default=None,
        description="Key that signs access tokens, 32 bytes or more; development makes one.",
    )
    secret_file: Path = Field(
        default=Path("data/secret"), description="Where development and test keep the key they make."
    )
    access_token_minutes: Positive = Field(default=15, description="Minutes until an access token expires.")
    refresh_token_days: Positive = Field(
        default=30, description="Days within which a device must come back to stay logged in."
    )
    issuer: str = Field(
        default="stonechat", min_length=1, description="Issuer of the tokens, and the only one believed."
    )
    audience: str = Field(
        default="stonechat", min_length=1, description="Audience of the tokens, and the only one served."
    )
    lockout: Lockout = Field(default=Lockout(), description="Keeping out who guesses passwords.")
    argon2: Argon2 = Field(default=Argon2(), description="Cost of hashing a password.")


class Presence(Table):
    grace_seconds: float = Field(
        default=10.0, ge=0, description="Seconds from the last device's leaving until the user is offline."
    )
    collect_ms: int = Field(
        default=500,
        ge=0,
        description="Milliseconds for which changes are collected for who has just been told of one; up to"
        " six times as long while very many come and go; 0 tells each at once.",
    )


class Typing(Table):
    expires_seconds: Seconds = Field(default=8.0, description="Seconds until a typing:start stops by itself.")
    forward_every_seconds: float = Field(
        default=3.0, ge=0, description="Repeated starts are forwarded once in so many seconds."
    )
    max_members: Positive = Field(
        default=100, description="Nobody is told who types in a conversation of more members."
    )


class Pagination(Table):
    default: Positive = Field(default=25, description="Records of a page when the query has no $limit.")
    max: Positive = Field(default=200, description="Records of a page at most.")


class Messages(Table):
    max_length: Positive = Field(default=4000, description="Longest content of a message, in characters.")


class Deliveries(Table):
    keep_days: Annotated[float, Field(gt=0)] = Field(
        default=7.0, description="Days for which a client can be told what it has missed, change by change."
    )


class Retention(Table):
    hour: int = Field(
        default=3,
        ge=0,
        le=23,
        description="Hour of the night, by a school's own clock, at which its old messages are taken out.",
    )


class Exports(Table):
    keep_days: Annotated[float, Field(gt=0)] = Field(
        default=7.0, description="Days for which the archive of a user's data can be fetched."
    )


class Limits(Table):
    messages: Annotated[str, AfterValidator(_limit)] = Field(
        default="60/minute", description="Messages that one user may send; empty for any number."
    )
    school_messages: Annotated[str, AfterValidator(_limit)] = Field(
        default="4000/minute", description="Messages that one school may send; empty for any number."
    )
    changes: Annotated[str, AfterValidator(_limit)] = Field(
        default="120/minute",
        description="Changes by one user to messages, reactions, members and conversations, all together;"
        " empty for any number.",
    )
    conversations: Annotated[str, AfterValidator(_limit)] = Field(
        default="30/hour", description="Conversations that one user may create; empty for any number."
    )
    sync: Annotated[str, AfterValidator(_limit)] = Field(
        default="60/minute", description="Calls of sync by one user; empty for any number."
    )
    search: Annotated[str, AfterValidator(_limit)] = Field(
        default="60/minute", description="Searches by one user; empty for any number."
    )
    presence: Annotated[str, AfterValidator(_limit)] = Field(
        default="10/minute", description="Changes by one user of the own status; empty for any number."
    )


class Logs(Table):
    level: LogLevel = Field(default="info", description="Least severity that is logged.")
    format: LogFormat = Field(default="console", description="console for people, json for machines.")


class Metrics(Table):
    token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="What may read /metrics, as a bearer; with one, nobody may without it.",
    )
    networks: list[Annotated[str, AfterValidator(_network)]] = Field(
        default=["127.0.0.0/8", "::1/128"],
        description="Networks that may read /metrics while there is no token; never through a proxy.",
    )


class Tracing(Table):
    endpoint: Annotated[str | None, AfterValidator(_collector)] = Field(
        default=None,
        description="Where OpenTelemetry's spans are sent, as http://collector:4318/v1/traces; without one,"
        " none are made.",
    )
    ratio: float = Field(default=0.1, ge=0, le=1, description="Part of the traces that is kept, from 0 to 1.")


class Extensions(Table):
    enabled: list[str] | Literal["all"] = Field(
        default="all", description="Names of the installed extensions to load, or all."
    )


class Settings(Table):
    environment: str = Field(default="development", description="The environment's name, from STONECHAT_ENV.")
    http: Http = Field(default=Http(), description="The web server.")
    sockets: Sockets = Field(default=Sockets(), description="Live connections.")
    mongodb: MongoDb = Field(default=MongoDb(), description="The database.")
    redis: Redis = Field(default=Redis(), description="What several nodes share.")
    authentication: Authentication = Field(default=Authentication(), description="Tokens and passwords.")
    presence: Presence = Field(default=Presence(), description="Who is online.")
    typing: Typing = Field(default=Typing(), description="Who is typing.")
    pagination: Pagination = Field(default=Pagination(), description="Pages of every service's find.")
    messages: Messages = Field(default=Messages(), description="What a message may be.")
    deliveries: Deliveries = Field(
        default=Deliveries(), description="What has changed and is to be told to clients."
    )
    retention: Retention = Field(default=Retention(), description="How long messages are kept.")
    exports: Exports = Field(default=Exports(), description="Archives of what is kept of a user.")
    limits: Limits = Field(default=Limits(), description="How often clients may do something.")
    logs: Logs = Field(default=Logs(), description="The log, on standard error.")
    metrics: Metrics = Field(default=Metrics(), description="Numbers for Prometheus, at /metrics.")
    tracing: Tracing = Field(default=Tracing(), description="Traces for OpenTelemetry.")
    extensions: Extensions = Field(default=Extensions(), description="Packages of other teams.")


def load_settings(
    *,
    environment: str | None = None,
    extra: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    school: bool = True,
) -> Settings:
    """Raises ConfigurationError, also for a secret or a database that only development may do without.

    Neither is asked for without ``school``: to serve another application, which has settings of its own.
    """
    folder = configuration_folder(environ)
    settings = load_configuration(Settings, folder, environment=environment, extra=extra, environ=environ)
    if not school:
        return settings
    if settings.environment not in UNGUARDED:
        _require_own(settings, variable_names(folder))
    if settings.authentication.secret is not None:
        return settings
    secret = _kept_secret(settings.authentication.secret_file)
    authentication = settings.authentication.model_copy(update={"secret": secret})
    return settings.model_copy(update={"authentication": authentication})


def configuration_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """`$STONECHAT_CONFIG_DIR`, else the folder in the installed package, else `config` beside the sources."""
    if chosen := environ.get(FOLDER_VARIABLE):
        folder = Path(chosen)
        if not folder.is_dir():
            raise ConfigurationError([f"{folder}: no such folder ({FOLDER_VARIABLE})"])
        return folder
    package = Path(__file__).resolve().parent
    installed = package / "_config"
    return installed if installed.is_dir() else package.parent / "config"


def _require_own(settings: Settings, variables: Mapping[str, str]) -> None:
    missing = {
        "authentication.secret": settings.authentication.secret is None,
        "mongodb.url": settings.mongodb.url is None,
    }
    if problems := [
        f"{key}: is required in {settings.environment}; set it in a file given with --config"
        + (f" or in the variable {variables[key]}" if key in variables else "")
        for key, is_missing in missing.items()
        if is_missing
    ]:
        raise ConfigurationError(problems)


def _kept_secret(path: Path) -> SecretStr:
    """The secret in the file, which is made at the first call, readable for its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret-") as draft:
        draft.write(secrets.token_urlsafe(SECRET_BYTES))
        draft.flush()
        # A link appears whole, and only one of several processes that start together makes it.
        with contextlib.suppress(FileExistsError):
            os.link(draft.name, path)
    secret = path.read_text().strip()
    if len(secret.encode()) < SECRET_BYTES:
        raise ConfigurationError([f"authentication.secret: too short; delete {path} to have a new one made"])
    return SecretStr(secret)
