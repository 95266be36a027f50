"""Who brings pushes and mail, as the settings say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from .core.configuration import ConfigurationError
from .core.mail import Mailer, MailOptions
from .core.push import Apns, ApnsKey, Expo, Fcm, Provider, ServiceAccount, WebPush
from .settings import Mail, Push

T = TypeVar("T")


def push_providers(settings: Push) -> dict[str, Provider]:
    """Those that have their settings. Raises ConfigurationError for what is there in part, or is no key."""
    expo, fcm, apns, web = settings.expo, settings.fcm, settings.apns, settings.web
    made: dict[str, Provider] = {}
    if (given := _given("push.expo", expo, "access_token")) is not None:
        made["expo"] = Expo(given["access_token"], expo.url)
    if (given := _given("push.fcm", fcm, "account")) is not None:
        account = given["account"]
        made["fcm"] = _made("push.fcm.account", lambda: Fcm(ServiceAccount.parse(account), fcm.url))
    if (given := _given("push.apns", apns, "key", "key_id", "team_id", "topic")) is not None:
        key = ApnsKey(given["key"], given["key_id"], given["team_id"], given["topic"])
        made["apns"] = _made("push.apns.key", lambda: Apns(key, apns.url))
    if (given := _given("push.web", web, "key", "subject")) is not None:
        web_key, subject = given["key"], given["subject"]
        made["web"] = _made("push.web.key", lambda: WebPush(web_key, subject, web.hosts))
    if made:
        _require("push", "httpx2", "h2")
    return made


def mailer(settings: Mail) -> Mailer | None:
    """None without a server. Raises ConfigurationError for what is there in part."""
    if settings.host is None:
        return None
    given = _given("mail", settings, "host", "sender") or {}
    if (settings.username is None) != (settings.password is None):
        raise ConfigurationError(["mail: username and password belong together"])
    if settings.password is not None and settings.encryption == "none":
        raise ConfigurationError(["mail.encryption: a password is not sent in the clear"])
    options = MailOptions(
        host=given["host"],
        sender=given["sender"],
        port=settings.port,
        encryption=settings.encryption,
        username=settings.username,
        password=_text(settings.password),
        ca_file=settings.ca_file,
    )
    _require("mail", "aiosmtplib")
    return _made("mail.sender", lambda: Mailer(options))


def _given(table: str, settings: BaseModel, *names: str) -> Mapping[str, str] | None:
    """What ``names`` are set to, None where none is. Raises ConfigurationError where some are missing."""
    values = {name: _text(getattr(settings, name)) for name in names}
    given = {name: value for name, value in values.items() if value}
    missing = [f"{table}.{name}: is required beside the others" for name in names if name not in given]
    if given and missing:
        raise ConfigurationError(missing)
    return given or None


def _require(extra: str, *modules: str) -> None:
    if not all(map(find_spec, modules)):
        raise ConfigurationError([f"{extra}: needs the extra: pip install 'stonechat[{extra}]'"])


def _made(setting: str, make: Callable[[], T]) -> T:
    reason = ""
    try:
        return make()
    except ValueError as error:
        reason = str(error)
    # Outside of the handler: the error of a library may quote a secret, and must not be this one's context.
    raise ConfigurationError([f"{setting}: {reason}"])


def _text(value: Any) -> str | None:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
