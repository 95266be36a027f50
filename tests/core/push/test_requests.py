from __future__ import annotations

import json

import pytest
from hypothesis import given, settings, strategies as st

from stonechat.core.push import Address, Delivered, Later, Outcome, Push, Refused
from stonechat.core.push.requests import SOON, each, open_client, retry_after, shortened

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("0", 1.0),
        ("999999999", 3600.0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 1.0),
        ("", 30.0),
        ("soon", 30.0),
        ("-5", 30.0),
    ],
)
def test_both_forms_of_the_header_tell_seconds(text: str, seconds: float) -> None:
    assert retry_after({"Retry-After": text}, now=lambda: NOW) == seconds


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120), st.integers(min_value=40, max_value=200))
def test_what_is_cut_fits_and_is_the_beginning(text: str, most: int) -> None:
    push = Push(to=Address("a"), topic="t", title="T", body=text)
    payload = shortened(push, most, lambda body: {"title": "T", "body": body})
    assert payload is not None
    assert len(payload) <= most
    said: str = json.loads(payload)["body"]
    assert said == text or text.startswith(said.removesuffix("…"))


async def test_a_push_that_can_not_be_sent_fails_no_other() -> None:
    client = open_client()

    async def send(push: Push) -> Outcome:
        if push.to.token:
            await client.post(push.to.token)
        return Delivered()

    nowhere, nobody = "https://push.example/a\x01", "http://127.0.0.1:1/"
    pushes = [Push(to=Address(token), topic="t") for token in ("", nowhere, nobody, "")]
    refused = Refused("it could not be sent")
    assert await each(pushes, send) == [Delivered(), refused, Later(SOON), Delivered()]
    await client.aclose()
