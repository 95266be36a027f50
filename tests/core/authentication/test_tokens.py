import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest

from stonechat.core.authentication import TokenOptions, Tokens
from stonechat.core.errors import NotAuthenticated

SECRET = "a secret of more than thirty-two bytes"
OPTIONS = TokenOptions(secret=SECRET, audience="https://school.example", issuer="stonechat")


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(OPTIONS)


def refusal(tokens: Tokens, token: object) -> dict[str, Any]:
    with pytest.raises(NotAuthenticated) as raised:
        tokens.verify(token)
    return raised.value.to_json()


def segment(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    standard = {
        "iat": now,
        "exp": now + 60,
        "sub": "1",
        "jti": "j",
        "aud": OPTIONS.audience,
        "iss": "stonechat",
    }
    return {key: value for key, value in (standard | changes).items() if value is not None}


def signed(payload: dict[str, Any], typ: str = "access") -> str:
    """A rightly signed token, whatever its claims are: pyjwt would not issue some of these."""
    unsigned = f"{segment({'typ': typ, 'alg': 'HS256'})}.{segment(payload)}"
    return f"{unsigned}.{mac(unsigned)}"


def mac(unsigned: str) -> str:
    digest = hmac.new(SECRET.encode(), unsigned.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b", "ä.b.c", "\ud800", "x" * 100_000, None, 5, {"$ne": 1}, ["a"], b"a.b.c"],
    ids=lambda value: repr(value)[:16],
)
def test_what_is_no_token_is_malformed(tokens: Tokens, token: object) -> None:
    body = refusal(tokens, token)
    assert (body["code"], body["message"], body["data"]) == (
        401,
        "jwt malformed",
        {"name": "JsonWebTokenError"},
    )


def test_a_changed_payload_breaks_the_signature(tokens: Tokens) -> None:
    head, _, signature = tokens.issue("1").split(".")
    body = refusal(tokens, f"{head}.{segment(claims(sub='2'))}.{signature}")
    assert (body["message"], body["data"]) == ("invalid signature", {"name": "JsonWebTokenError"})


def test_another_secret_gives_no_access(tokens: Tokens) -> None:
    stranger = Tokens(replace(OPTIONS, secret="another secret of thirty-two bytes!!"))
    assert refusal(tokens, stranger.issue("1"))["message"] == "invalid signature"


@pytest.mark.parametrize("algorithm", ["none", "None", "RS256", "ES256", "HS512", "", None, "dir"])
def test_only_the_one_algorithm_is_taken_even_with_a_right_hmac(
    tokens: Tokens, algorithm: str | None
) -> None:
    unsigned = f"{segment({'typ': 'access', 'alg': algorithm})}.{segment(claims())}"
    for signature in ("", mac(unsigned)):
        assert refusal(tokens, f"{unsigned}.{signature}")["message"] == "invalid algorithm"


def test_an_expired_token_says_since_when(tokens: Tokens) -> None:
    payload = claims(exp=1_700_000_000)
    assert refusal(tokens, signed(payload)) == {
        "name": "NotAuthenticated",
        "message": "jwt expired",
        "code": 401,
        "className": "not-authenticated",
        "data": {"name": "TokenExpiredError", "expiredAt": "2023-11-14T22:13:20.000Z"},
    }


def test_leeway_extends_a_token(tokens: Tokens) -> None:
    late = tokens.issue("1", expires_in=-5)
    assert refusal(tokens, late)["message"] == "jwt expired"
    assert Tokens(replace(OPTIONS, leeway=60)).verify(late)["sub"] == "1"


@pytest.mark.parametrize("token", ["a.b.c", "e30.!!.a", "!.e30.a"])
def test_three_parts_that_say_nothing_are_an_invalid_token(tokens: Tokens, token: str) -> None:
    assert refusal(tokens, token)["message"] == "invalid token"


@pytest.mark.parametrize("change", ["x", "xx", "=="])
def test_any_other_signature_is_an_invalid_one(tokens: Tokens, change: str) -> None:
    token = tokens.issue("1")
    assert refusal(tokens, token + change)["message"] == "invalid signature"
    # Two of its bits are no part of the signature: whatever they say, a changed text is another one.
    last = {refusal(tokens, token[:-1] + letter)["message"] for letter in "0Qg_" if letter != token[-1]}
    assert last == {"invalid signature"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"aud": "https://other.example"}, "jwt audience invalid. expected: https://school.example"),
        ({"iss": "someone"}, "jwt issuer invalid. expected: stonechat"),
        ({"aud": None}, "jwt audience invalid. expected: https://school.example"),
        ({"iss": None}, "jwt issuer invalid. expected: stonechat"),
        ({"sub": 7}, "jwt malformed"),
        ({"jti": 7}, "jwt malformed"),
        ({"exp": "tomorrow"}, "invalid token"),
    ],
)
def test_claims_must_be_ours(tokens: Tokens, changes: dict[str, Any], message: str) -> None:
    assert refusal(tokens, signed(claims(**changes)))["message"] == message


def test_a_token_for_later_says_from_when(tokens: Tokens) -> None:
    body = refusal(tokens, signed(claims(nbf=32_503_680_000)))
    assert body["message"] == "jwt not active"
    assert body["data"] == {"name": "NotBeforeError", "date": "3000-01-01T00:00:00.000Z"}


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "jti"])
def test_every_other_standard_claim_is_required(tokens: Tokens, claim: str) -> None:
    assert refusal(tokens, signed(claims(**{claim: None})))["message"] == "jwt malformed"


def test_a_token_of_another_kind_gives_no_access(tokens: Tokens) -> None:
    assert refusal(tokens, signed(claims(), typ="state"))["message"] == "invalid token type"


def test_a_token_issued_by_a_node_whose_clock_is_ahead_is_taken(tokens: Tokens) -> None:
    assert tokens.verify(signed(claims(iat=int(time.time()) + 30)))["sub"] == "1"


def test_a_token_carries_its_payload_and_standard_claims(tokens: Tokens) -> None:
    token = tokens.issue("42", {"schoolId": "hill"})
    payload = tokens.verify(token)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "access"}
    assert set(payload) == {"schoolId", "iat", "exp", "aud", "iss", "sub", "jti"}
    assert (payload["schoolId"], payload["sub"], payload["exp"] - payload["iat"]) == ("hill", "42", 86400)
    assert tokens.verify(tokens.issue("42"))["jti"] != payload["jti"]


def test_a_payload_cannot_replace_the_standard_claims(tokens: Tokens) -> None:
    payload = tokens.verify(tokens.issue("42", {"sub": "1", "exp": 32_503_680_000, "aud": "x", "jti": "x"}))
    assert payload["sub"] == "42"
    assert payload["exp"] - payload["iat"] == 86400


def test_a_short_secret_is_refused_and_a_secret_is_not_shown() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        TokenOptions(secret="secret")
    assert SECRET not in repr(OPTIONS)
