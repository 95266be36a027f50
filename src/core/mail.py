"""Sending e-mail: ``app.configure(mail(Mailer(…)))``."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, cast

import structlog

from .application import Application
from .errors import Unavailable

SETTING: Final = "mailer"
TIMEOUT: Final = 30.0
ADDRESS: Final = re.compile(r"[^\s<>@,;:\"()\[\]\\]+@[^\s<>@,;:\"()\[\]\\]+")
NAMED: Final = re.compile(r"[^<>,\r\n]*<([^<>]+)>")

Encryption = Literal["starttls", "tls", "none"]

logger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOptions:
    """``sender`` is an address, with a name or not. ``ca_file`` says whom to trust besides the system's."""

    host: str
    sender: str
    port: int = 587
    encryption: Encryption = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """``key`` tells it from all others: what is sent twice, for a process was killed, has the same id."""

    to: str
    subject: str
    text: str
    key: str


class Mailer:
    def __init__(self, options: MailOptions) -> None:
        """Raises ValueError for a sender that is no address."""
        self._options = options
        self._domain = address_of(options.sender).rpartition("@")[2]

    async def send(self, mail: Mail) -> bool:
        """Whether the server has taken it; it would refuse it again where not.

        Raises Unavailable where it is to be tried later.
        """
        import aiosmtplib  # noqa: PLC0415 - an extra, and needed by who sends only

        options = self._options
        try:
            message = self._message(mail)
        except ValueError:
            logger.warning("a mail has no address to go to", key=mail.key)
            return False
        try:
            await aiosmtplib.send(
                message,
                hostname=options.host,
                port=options.port,
                username=options.username,
                password=options.password,
                use_tls=options.encryption == "tls",
                # Never in the clear, should the server not offer it.
                start_tls=options.encryption == "starttls",
                tls_context=self._context(),
                timeout=TIMEOUT,
            )
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPDataError) as error:
            if not _is_final(error):
                raise Unavailable("The mail server wants it later") from error
            logger.warning("a mail was refused", key=mail.key, reason=repr(error))
            return False
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable("The mail server does not answer") from error
        return True

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._options.sender
        message["To"] = address_of(mail.to)
        message["Subject"] = " ".join(mail.subject.split())
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{sha256(mail.key.encode()).hexdigest()[:32]}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        return message

    def _context(self) -> ssl.SSLContext | None:
        if self._options.encryption == "none":
            return None
        context = ssl.create_default_context()
        if self._options.ca_file is not None:
            context.load_verify_locations(self._options.ca_file)
        return context


def address_of(text: str) -> str:
    """Raises ValueError for what is not one address, with a name before it or not."""
    address = named.group(1) if (named := NAMED.fullmatch(text)) is not None else text
    if ADDRESS.fullmatch(address) is None:
        raise ValueError("is not an e-mail address")
    return address


def mail(mailer: Mailer | None) -> Callable[[Application], None]:
    def configure(app: Application) -> None:
        app.set(SETTING, mailer)

    return configure


def mailer_of(app: Application) -> Mailer | None:
    """None where no mail is sent."""
    return cast("Mailer | None", app.get(SETTING))


def _is_final(error: Exception) -> bool:
    """Whether the server says, by the first digit of its answer, that it will say so again."""
    answers: list[object] = list(getattr(error, "recipients", ())) or [error]
    return all(getattr(one, "code", 0) >= 500 for one in answers)
