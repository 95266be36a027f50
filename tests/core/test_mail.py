from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stonechat.core.errors import Unavailable
from stonechat.core.mail import Mail, Mailer, MailOptions, address_of
from tests.support.mailbox import HOST, PASSWORD, USER, Mailbox

MAIL = Mail(to="ada@school.example", subject="Unread", text="Hello Ada,\n", key="one")


def options_for(mailbox: Mailbox, **more: Any) -> MailOptions:
    plain = MailOptions(host=HOST, port=mailbox.port, sender="Chat <chat@school.example>", encryption="none")
    return replace(plain, **more)


async def test_a_mail_goes_over_starttls_with_a_login(tmp_path: Path) -> None:
    async with Mailbox.serving(tmp_path) as mailbox:
        options = options_for(
            mailbox, encryption="starttls", username=USER, password=PASSWORD, ca_file=tmp_path / "ca.pem"
        )
        assert await Mailer(options).send(MAIL)
    (mail,) = mailbox.mails
    assert mailbox.sealed == [True]
    assert (mail["From"], mail["To"]) == ("Chat <chat@school.example>", "ada@school.example")
    assert mail["Subject"] == "Unread"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content() == "Hello Ada,\r\n"


async def test_a_server_that_is_not_trusted_gets_nothing(tmp_path: Path) -> None:
    async with Mailbox.serving(tmp_path) as mailbox:
        options = options_for(mailbox, encryption="starttls", username=USER, password=PASSWORD)
        with pytest.raises(Unavailable):
            await Mailer(options).send(MAIL)
        assert mailbox.mails == []


async def test_what_is_to_be_sealed_never_goes_in_the_clear() -> None:
    async with Mailbox.serving() as mailbox:
        with pytest.raises(Unavailable):
            await Mailer(options_for(mailbox, encryption="starttls")).send(MAIL)
        assert mailbox.mails == []


async def test_a_wrong_password_is_not_the_mail_s_fault(tmp_path: Path) -> None:
    async with Mailbox.serving(tmp_path) as mailbox:
        options = options_for(
            mailbox, encryption="starttls", username=USER, password="wrong", ca_file=tmp_path / "ca.pem"
        )
        with pytest.raises(Unavailable):
            await Mailer(options).send(MAIL)


async def test_the_same_mail_has_the_same_id() -> None:
    async with Mailbox.serving() as mailbox:
        mailer = Mailer(options_for(mailbox))
        for mail in (MAIL, MAIL, replace(MAIL, key="two")):
            assert await mailer.send(mail)
    first, again, other = [mail["Message-ID"] for mail in mailbox.mails]
    assert first == again != other
    assert first.endswith("@school.example>")


async def test_what_is_refused_for_good_is_not_tried_again() -> None:
    async with Mailbox.serving() as mailbox:
        mailbox.refusals = {"gone@school.example": "550 No such user", "full@school.example": "452 Full"}
        mailer = Mailer(options_for(mailbox))
        assert not await mailer.send(replace(MAIL, to="gone@school.example"))
        with pytest.raises(Unavailable):
            await mailer.send(replace(MAIL, to="full@school.example"))
        assert not await mailer.send(replace(MAIL, to="erased-1@invalid\nBcc: eve@example.org"))
        assert mailbox.mails == []


async def test_a_server_that_is_away_is_tried_later() -> None:
    options = MailOptions(host=HOST, port=1, sender="chat@school.example", encryption="none")
    with pytest.raises(Unavailable):
        await Mailer(options).send(MAIL)


async def test_a_name_makes_no_header_of_its_own() -> None:
    async with Mailbox.serving() as mailbox:
        sent = await Mailer(options_for(mailbox)).send(replace(MAIL, subject="Hi\r\nBcc: eve@example.org"))
        assert sent
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Hi Bcc: eve@example.org"
    assert mail["Bcc"] is None


@pytest.mark.parametrize("text", ["", "Ada", "a@b, c@d", "a b@c", "@c", "a@"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        address_of(text)


def test_an_address_may_have_a_name() -> None:
    assert address_of("Ada Lovelace <ada@school.example>") == "ada@school.example"
