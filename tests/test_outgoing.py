"""Providers and the mail server are there when all of their settings are."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from stonechat.core.configuration import ConfigurationError
from stonechat.outgoing import mailer, push_providers
from stonechat.settings import Mail, Push
from tests.support.apple import APPLE_KEY
from tests.support.push_servers import FcmServer, pem_of

APNS = {"key": pem_of(APPLE_KEY), "key_id": "K", "team_id": "T", "topic": "org.example"}
WEB = {"key": "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", "subject": "mailto:a@b.example"}
FCM = {"account": FcmServer("https://oauth2.example").account}
MAIL = {"host": "mail.example", "sender": "chat@b.example"}


def test_without_settings_there_are_none() -> None:
    assert push_providers(Push()) == {}
    assert mailer(Mail()) is None
    assert mailer(Mail(sender="chat@b.example")) is None


async def test_with_settings_there_are_all() -> None:
    push = Push.model_validate({"expo": {"access_token": "a"}, "fcm": FCM, "apns": APNS, "web": WEB})
    assert list(push_providers(push)) == ["expo", "fcm", "apns", "web"]
    assert mailer(Mail.model_validate({**MAIL, "username": "a", "password": "b"})) is not None


@pytest.mark.parametrize("name", ["key", "key_id", "team_id", "topic"])
def test_a_part_of_the_settings_is_refused(name: str) -> None:
    part = {**APNS, name: ""}
    with pytest.raises(ConfigurationError) as caught:
        push_providers(Push.model_validate({"apns": part}))
    assert caught.value.problems == (f"push.apns.{name}: is required beside the others",)


@pytest.mark.parametrize(
    ("table", "setting"),
    [
        ({"fcm": {"account": "hunter2"}}, "push.fcm.account"),
        ({"apns": {**APNS, "key": "hunter2"}}, "push.apns.key"),
        ({"web": {**WEB, "key": "hunter2"}}, "push.web.key"),
    ],
)
def test_what_is_no_key_is_refused_and_not_quoted(table: Any, setting: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        push_providers(Push.model_validate(table))
    assert str(caught.value).startswith(f"{setting}: ")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"host": "mail.example"}, "mail.sender: is required beside the others"),
        ({**MAIL, "sender": "nobody"}, "mail.sender: is not an e-mail address"),
        ({**MAIL, "username": "a"}, "mail: username and password belong together"),
        (
            {**MAIL, "username": "a", "password": "b", "encryption": "none"},
            "mail.encryption: a password is not sent in the clear",
        ),
    ],
)
def test_a_mail_server_that_cannot_be_used_is_refused(settings: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        mailer(Mail.model_validate(settings))
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Push, {"apns": {"url": "http://api.push.apple.com"}}),
        (Push, {"web": {"subject": "admin@b.example"}}),
        (Push, {"delay_seconds": 0}),
        (Mail, {"reset_page": "https://b.example/reset"}),
        (Mail, {"encryption": "perhaps"}),
    ],
)
def test_a_value_that_cannot_work_is_refused(model: type[Push | Mail], values: Any) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(values)
