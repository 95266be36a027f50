"""A mail server on this machine, and what it was given."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.support.push_servers import pem_of

USER: Final = "chat"
PASSWORD: Final = "a password of the server's"
HOST: Final = "127.0.0.1"


@dataclass
class Mailbox:
    """``refusals`` by recipient are the answers that are given instead of taking a mail."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list[EmailMessage])
    refusals: dict[str, str] = field(default_factory=dict[str, str])
    sealed: list[bool] = field(default_factory=list[bool])

    @classmethod
    @asynccontextmanager
    async def serving(cls, folder: Path | None = None) -> AsyncGenerator[Self]:
        """With a ``folder`` it wants STARTTLS and a login, and puts its certificate there as ``ca.pem``."""
        mailbox, loop = cls(), asyncio.get_running_loop()
        context = None if folder is None else _certified(folder)

        def connected() -> SMTP:
            if context is None:
                return SMTP(mailbox, loop=loop)
            return SMTP(
                mailbox,
                loop=loop,
                tls_context=context,
                require_starttls=True,
                auth_required=True,
                authenticator=_authenticate,
            )

        server = await loop.create_server(connected, HOST, 0)
        mailbox.port = server.sockets[0].getsockname()[1]
        async with server:
            yield mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        (to,) = envelope.rcpt_tos
        if to in self.refusals:
            return self.refusals[to]
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.sealed.append(session.ssl is not None)
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == address]


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=known, handled=False)


def _certified(folder: Path) -> ssl.SSLContext:
    key, at = generate_private_key(SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_text(pem_of(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context
