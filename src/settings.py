"""What a school can set, and where its configuration is found."""

import contextlib
import ipaddress
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from .core.authentication.fetching import check_https
from .core.authentication.oidc import ASYMMETRIC
from .core.configuration import ConfigurationError, load_configuration, variable_names
from .core.envelope import master_key
from .core.logs import LogFormat, LogLevel
from .core.throttle import parse_limit
from .core.transports.origins import ANY, parse_origin
from .models.team_member import RIGHTS, Right

FOLDER_VARIABLE = "STONECHAT_CONFIG_DIR"
SECRET_BYTES = 32
UNGUARDED = ("development", "test")
"""The environments that run without a secret and a database of the operator's."""


def _long_enough(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and len(secret.get_secret_value().encode()) < SECRET_BYTES:
        raise ValueError(f"must have {SECRET_BYTES} bytes or more")
    return secret


def _master(secret: SecretStr) -> SecretStr:
    master_key(secret.get_secret_value())
    return secret


def _origin(text: str) -> str:
    try:
        return text if text == ANY else str(parse_origin(text))
    except ValueError:
        raise ValueError(f"{text!r} is not an origin, such as https://chat.example.org, nor *") from None


def _network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


def _https(url: str) -> str:
    return check_https(url)


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


class Oidc(Table):
    strategy: str = Field(
        default="firebase", pattern=r"^[a-z][a-z0-9-]*$", description="Name that such logins go by."
    )
    firebase_project: str | None = Field(
        default=None, description="Firebase project whose identity tokens are believed; it says all the rest."
    )
    issuer: str | None = Field(default=None, description="Issuer of the tokens, where it is another.")
    audience: str | None = Field(default=None, description="Audience that its tokens for the school have.")
    keys_url: str | None = Field(default=None, description="Address of the issuer's keys, as JWKS.")
    algorithms: list[str] = Field(default=["RS256"], description="Algorithms its tokens are signed with.")

    @property
    def is_on(self) -> bool:
        return bool(self.firebase_project or self.issuer)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        given = (self.issuer, self.audience, self.keys_url)
        if any(given) and not all(given):
            raise ValueError("needs issuer, audience and keys_url")
        if any(given) and self.firebase_project is not None:
            raise ValueError("is firebase_project or an issuer, not both")
        if not self.algorithms or not ASYMMETRIC.issuperset(self.algorithms):
            raise ValueError(f"algorithms must be some of {', '.join(sorted(ASYMMETRIC))}")
        return self


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
    oidc: Oidc = Field(default=Oidc(), description="Logging in with identity tokens of another system.")
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


class S3(Table):
    bucket: str | None = Field(
        default=None, min_length=3, description="Bucket that keeps the files; without one, a folder does."
    )
    endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^/\s]+$",
        description="Address of the server, as https://storage.example.org; without one it is Amazon's.",
    )
    region: str = Field(default="us-east-1", min_length=1, description="Region of the bucket.")
    access_key: str | None = Field(
        default=None, repr=False, description="Access key; without one, boto3 looks where it always does."
    )
    secret_key: SecretStr | None = Field(default=None, description="Secret key that belongs to it.")


class Storage(Table):
    folder: Path = Field(default=Path("data/files"), description="Where files are kept that no bucket keeps.")
    base_url: str = Field(
        default="",
        pattern=r"^(https?://[^/\s]+)?$",
        description="Address by which clients reach this server; put before the paths of files.",
    )
    s3: S3 = Field(default=S3(), description="Keeping files in S3, or what speaks as it does.")


MEDIA_TYPES = (
    *("image/jpeg", "image/png", "image/gif", "image/webp"),
    *("video/mp4", "video/webm", "video/quicktime"),
    *("audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/webm"),
    *("application/pdf", "application/zip", "text/plain", "text/csv", "text/markdown"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
)


class Attachments(Table):
    max_bytes: Positive = Field(default=104_857_600, description="Largest file, in bytes.")
    school_bytes: Positive = Field(
        default=10_737_418_240, description="Bytes that the files of one school may have together."
    )
    types: list[Annotated[str, Field(pattern=r"^[a-z]+/[a-z0-9.+-]+$")]] = Field(
        default=list(MEDIA_TYPES), description="Media types that may be uploaded."
    )
    max_pixels: Positive = Field(
        default=50_000_000, description="Pixels of a picture, all frames of an animation together."
    )
    upload_minutes: Positive = Field(default=60, description="Minutes that an upload may take.")
    unused_hours: Positive = Field(
        default=24, description="Hours after which a file that no message has is deleted."
    )


class Jobs(Table):
    places: Positive = Field(
        default=8,
        description="Tasks of the background that one node does at a time; of one kind half of them.",
    )
    lease_seconds: Seconds = Field(
        default=15.0,
        description="Seconds after which another node does what a node that is not heard of was doing.",
    )


class Encryption(Table):
    master_keys: list[Annotated[SecretStr, AfterValidator(_master)]] = Field(
        default=[],
        description="Keys that wrap those of encrypted conversations, as id:key, 32 bytes in base64; the last"
        " one wraps what is new. Without one, no conversation can be encrypted.",
    )


class Expo(Table):
    access_token: SecretStr | None = Field(default=None, description="Access token of the Expo project.")
    url: Annotated[str, AfterValidator(_https)] = Field(
        default="https://exp.host", description="Where Expo takes pushes."
    )


class Fcm(Table):
    account: SecretStr | None = Field(
        default=None, description="What Google's file of the service account says, as JSON."
    )
    url: Annotated[str, AfterValidator(_https)] = Field(
        default="https://fcm.googleapis.com", description="Where Firebase takes pushes."
    )


class Apns(Table):
    key: SecretStr | None = Field(default=None, description="What Apple's file AuthKey_….p8 says.")
    key_id: str | None = Field(default=None, description="The key's id, ten characters.")
    team_id: str | None = Field(default=None, description="The id of the developers' team, ten characters.")
    topic: str | None = Field(default=None, description="The app's bundle id.")
    url: Annotated[str, AfterValidator(_https)] = Field(
        default="https://api.push.apple.com",
        description="Where Apple takes pushes; for builds of developers https://api.sandbox.push.apple.com.",
    )


class WebPush(Table):
    key: SecretStr | None = Field(
        default=None, description="Private key for VAPID: 32 bytes as base64url, as tools for it make them."
    )
    subject: str | None = Field(
        default=None,
        pattern=r"^(mailto:\S+@\S+|https://\S+)$",
        description="Whom a browser's push service may write to: mailto: and an address, or a page.",
    )
    hosts: list[str] = Field(
        default=[
            "fcm.googleapis.com",
            "updates.push.services.mozilla.com",
            "*.push.apple.com",
            "*.notify.windows.com",
        ],
        description="Push services of browsers that are called; *. stands for any name.",
    )


class Push(Table):
    contents: bool = Field(
        default=True, description="Whether a push says what the message says, or only where it is."
    )
    delay_seconds: Seconds = Field(
        default=2.0, description="Seconds for which messages are collected into one push."
    )
    again_seconds: Seconds = Field(
        default=45.0,
        description="Seconds after which is looked again for who was connected and has not read a message.",
    )
    max_devices: Positive = Field(
        default=20, description="Devices of one user; of more, those go that registered longest ago."
    )
    expo: Expo = Field(default=Expo(), description="Expo's push service.")
    fcm: Fcm = Field(default=Fcm(), description="Firebase Cloud Messaging.")
    apns: Apns = Field(default=Apns(), description="Apple's push service.")
    web: WebPush = Field(default=WebPush(), description="Push services of browsers.")


class Mail(Table):
    host: str | None = Field(
        default=None, description="Mail server to send by; without one, no mail is sent."
    )
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    encryption: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls, tls from the beginning on, or none."
    )
    username: str | None = Field(default=None, description="Whom the server knows this one as.")
    password: SecretStr | None = Field(default=None, description="The password for that.")
    sender: str | None = Field(default=None, description="Address that mail comes from, with a name or not.")
    ca_file: Path | None = Field(
        default=None, description="Certificates to trust for the mail server, besides the system's."
    )
    reset_page: str | None = Field(
        default=None,
        pattern=r"^https?://\S*\{token\}\S*$",
        description="Page where a new password is set, {token} in its address; without, the mail has a code.",
    )
    digest_minutes: Seconds = Field(
        default=60.0, description="Minutes for which somebody has to be away to be written what is unread."
    )


class Analytics(Table):
    every_minutes: Positive = Field(default=15, description="Minutes from one count of messages to the next.")
    postgres_url: str | None = Field(
        default=None,
        repr=False,
        pattern=r"^postgresql\+\w+://",
        description="PostgreSQL that the counts are copied to, as a postgresql+asyncpg:// URL;"
        " without one, they stay here.",
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
    uploads: Annotated[str, AfterValidator(_limit)] = Field(
        default="120/minute",
        description="Uploads that one user may begin and complete, each counted; empty for any number.",
    )
    search: Annotated[str, AfterValidator(_limit)] = Field(
        default="60/minute", description="Searches by one user; empty for any number."
    )
    presence: Annotated[str, AfterValidator(_limit)] = Field(
        default="10/minute", description="Changes by one user of the own status; empty for any number."
    )


class TeamRights(Table):
    admin: list[Right] = Field(default=list(RIGHTS), description="What admins of a team may do in it.")
    coach: list[Right] = Field(
        default=[one for one in RIGHTS if one != "read_audit"], description="What its coaches may do."
    )
    trainer: list[Right] = Field(
        default=["post", "post_announcement", "pin", "send_alert"], description="What its trainers may do."
    )
    captain: list[Right] = Field(default=["post", "pin"], description="What its captains may do.")
    player: list[Right] = Field(default=["post"], description="What its players may do.")
    alumni: list[Right] = Field(default=[], description="What may do who was in it once.")


class Teams(Table):
    edit_window_minutes: int | None = Field(
        default=15,
        ge=0,
        description="Minutes for which a message in a team's channel can be edited at most.",
    )
    alerts: list[Annotated[str, AfterValidator(_limit)]] = Field(
        default=["2/hour", "6/day"], description="Priority alerts that one sender may send in a team."
    )
    confirm_minutes: Positive = Field(
        default=5, description="Minutes within which an alert has to be confirmed to be sent."
    )
    rights: TeamRights = Field(default=TeamRights(), description="What each role may do in its team.")


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


class Dialects(Table):
    campzone: bool = Field(default=False, description="CampZone, in the namespace /campzone.")
    chat: bool = Field(default=False, description="The Chat System, at /api/chat and in the namespace /chat.")
    team: bool = Field(default=False, description="Team Chat, at /api and in the namespace /team.")
    community: bool = Field(
        default=False, description="Community: its services community/groups, /messages and /analytics."
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
    dialects: Dialects = Field(default=Dialects(), description="Other systems that are spoken.")
    pagination: Pagination = Field(default=Pagination(), description="Pages of every service's find.")
    messages: Messages = Field(default=Messages(), description="What a message may be.")
    deliveries: Deliveries = Field(
        default=Deliveries(), description="What has changed and is to be told to clients."
    )
    retention: Retention = Field(default=Retention(), description="How long messages are kept.")
    exports: Exports = Field(default=Exports(), description="Archives of what is kept of a user.")
    analytics: Analytics = Field(default=Analytics(), description="How many messages are written.")
    storage: Storage = Field(default=Storage(), description="Where files are kept.")
    attachments: Attachments = Field(default=Attachments(), description="The files of messages.")
    jobs: Jobs = Field(default=Jobs(), description="Work that goes on after the call that asked for it.")
    encryption: Encryption = Field(
        default=Encryption(), description="Contents of the conversations that ask for it, sealed."
    )
    limits: Limits = Field(default=Limits(), description="How often clients may do something.")
    teams: Teams = Field(default=Teams(), description="Teams, their channels and alerts.")
    push: Push = Field(default=Push(), description="Notifications on devices that are not connected.")
    mail: Mail = Field(default=Mail(), description="E-mail.")
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
