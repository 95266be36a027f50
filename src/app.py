"""The school chat: an application of the framework, put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import SecretStr

from . import __version__
from .core.application import Application
from .core.authentication import (
    AuthenticationOptions,
    JwtOptions,
    LocalOptions,
    LockoutOptions,
    PasswordOptions,
    SessionOptions,
    TokenOptions,
    authentication,
    passwords,
)
from .core.backplane import backplane
from .core.configuration import ConfigurationError
from .core.context import Params
from .core.documentation import OwnEvent, documentation
from .core.extensions import extensions
from .core.jobs import jobs
from .core.logs import configure_logs
from .core.mail import mail
from .core.metrics import metrics
from .core.push import push
from .core.storage import Bucket, LocalStore, S3Store, Store, storage
from .core.throttle import throttling
from .core.tracing import tracing
from .core.transports.realtime import realtime
from .core.transports.rest import rest
from .dialects import dialects
from .dialects.documents import dialect_events, dialect_routes
from .hooks.access import not_suspended, require_user
from .hooks.database_errors import database_errors
from .hooks.tenancy import school_of, tenancy
from .models.backlog import backlog
from .models.database import Database, database
from .models.journal import journal
from .models.tasks import Tasks
from .models.vault import vault
from .oidc import OfSchool, oidc
from .outgoing import mailer, push_providers
from .own_events import own_events
from .services import services
from .settings import UNGUARDED, Settings, load_settings
from .site import downloads, health, portal
from .socket import sockets

USER_SECONDS: Final = 10.0
"""For so long a socket's calls may be a user's as last heard of: events and gaps tell of every change."""


def create_app(settings: Settings | None = None, *, background: bool = True) -> Application:
    """The school, ready to be served; its database is opened by ``setup``.

    Without ``background`` it does what it is called for and nothing of its own accord, as commands want it.
    Raises ConfigurationError for settings that do not fit, ExtensionError for an extension that fails.
    """
    settings = settings or load_settings()
    configure_logs(settings.logs.level, settings.logs.format)
    app = Application({**settings.model_dump(), "background": background})
    mongodb = Database(settings.mongodb.url, settings.mongodb.database, settings.mongodb.folder)
    return (
        app.configure(database(mongodb))
        # Before whatever answers calls and events, so that all of them are measured.
        .configure(metrics(token=_secret(settings.metrics.token), networks=settings.metrics.networks))
        .configure(backlog)
        .configure(tracing(settings.tracing.endpoint if background else None, ratio=settings.tracing.ratio))
        .configure(throttling(settings.redis.url or ""))
        .configure(
            backplane(
                settings.redis.url or "" if background else "",
                name=settings.mongodb.database,
                topic=school_of,
                lease=settings.redis.lease_seconds,
            )
        )
        .configure(rest(origins=settings.http.origins, max_body=settings.http.max_body_bytes))
        .configure(
            realtime(
                origins=settings.http.origins,
                max_message=settings.sockets.max_message_bytes,
                max_pending=settings.sockets.max_pending_calls,
                max_queued=settings.sockets.max_queued_bytes,
                connects_per_minute=settings.sockets.connects_per_minute,
                max_per_address=settings.sockets.max_per_address,
                drain=settings.sockets.drain_seconds,
                ping_interval=settings.sockets.ping_interval,
                ping_timeout=settings.sockets.ping_timeout,
            )
        )
        .hooks({"around": {"all": [database_errors]}})
        .hooks({"before": {"all": [require_user, not_suspended]}})
        .configure(tenancy)
        .configure(journal(settings.deliveries.keep_days))
        .configure(vault(settings.encryption.master_keys, required=settings.environment not in UNGUARDED))
        .configure(
            jobs(
                Tasks(),
                url=settings.redis.url or "",
                name=settings.mongodb.database,
                places=settings.jobs.places,
                lease=settings.jobs.lease_seconds,
            )
        )
        .configure(storage(_store(settings)))
        # Before the services, so that sessions end when the transaction that ended them is committed.
        .configure(authentication(_authentication(app, settings)))
        .configure(oidc(settings.authentication.oidc, _of_school(app)))
        .configure(passwords())
        .configure(push(push_providers(settings.push)))
        .configure(mail(mailer(settings.mail)))
        .configure(services)
        .configure(
            sockets(
                grace=settings.presence.grace_seconds,
                collect=settings.presence.collect_ms / 1000,
                expires=settings.typing.expires_seconds,
                every=settings.typing.forward_every_seconds,
                most=settings.typing.max_members,
            )
        )
        .configure(dialects(settings.dialects.model_dump(), max_body=settings.http.max_body_bytes))
        .configure(health(mongodb.ping))
        .configure(downloads)
        .configure(portal)
        .configure(documentation("Stonechat", __version__, events=_events, routes=dialect_routes))
        .configure(extensions(settings.extensions.enabled))
    )


def _events(app: Application) -> Iterable[OwnEvent]:
    return (*own_events(app), *dialect_events(app))


def _secret(value: SecretStr | None) -> str:
    return "" if value is None else value.get_secret_value()


def _store(settings: Settings) -> Store:
    secret, s3 = _secret(settings.authentication.secret), settings.storage.s3
    if s3.bucket is None:
        return LocalStore(settings.storage.folder, secret, base_url=settings.storage.base_url)
    return S3Store(
        Bucket(
            name=s3.bucket,
            endpoint=s3.endpoint,
            region=s3.region,
            access_key=s3.access_key,
            secret_key=_secret(s3.secret_key) or None,
        )
    )


def _of_school(app: Application) -> OfSchool:
    async def of_school(data: Mapping[str, Any]) -> dict[str, Any] | None:
        """Two schools may know the same name: ``school``, a slug, tells which is meant."""
        slug = data.get("school")
        if slug is None:
            return {}
        if not isinstance(slug, str):
            return None
        found = await app.service("schools").find(Params(query={"slug": slug, "$limit": 1}, paginate=False))
        return {"schoolId": found[0]["_id"]} if found else None

    return of_school


def _authentication(app: Application, settings: Settings) -> AuthenticationOptions:
    options = settings.authentication
    if options.secret is None:
        raise ConfigurationError(["authentication.secret: is required"])

    elsewhere = [options.oidc.strategy] if options.oidc.is_on else []
    return AuthenticationOptions(
        auth_strategies=("jwt", "local", *elsewhere),
        tokens=TokenOptions(
            secret=options.secret.get_secret_value(),
            audience=options.audience,
            issuer=options.issuer,
            expires_in=options.access_token_minutes * 60,
        ),
        jwt=JwtOptions(kept=USER_SECONDS),
        local=LocalOptions(username_fields={"email": ("email", "collegeId")}, extra_query=_of_school(app)),
        passwords=PasswordOptions(
            time_cost=options.argon2.time_cost,
            memory_cost=options.argon2.memory_cost,
            parallelism=options.argon2.parallelism,
        ),
        sessions=SessionOptions(expires_in=options.refresh_token_days * 24 * 60 * 60),
        accepts=lambda user: user.get("erasingAt") is None,
        lockout=LockoutOptions(account=options.lockout.account, address=options.lockout.address),
        max_connections=settings.sockets.max_per_user,
    )
