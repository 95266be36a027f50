import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    OidcOptions,
    OidcStrategy,
    authentication_of,
)
from stonechat.core.authentication.issuer_keys import IssuerKeys
from stonechat.core.authentication.oidc import firebase, google, supabase
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import Conflict, NotAuthenticated, Unavailable
from stonechat.core.testing import serving
from stonechat.core.transports.web import web
from stonechat.socket.testing import ManualTime

Start = Callable[[AuthenticationOptions], Application]
Claims = Mapping[str, Any]
AUDIENCE = "the-school"
ADA = {"sub": "ada-1", "email": "Ada@hill.example", "email_verified": True}


@cache
def private_key(name: str) -> RSAPrivateKey:
    """One for each name: to make one takes a while."""
    return generate_private_key(65537, 2048)


class Issuer:
    """Signs identity tokens, and publishes the keys for them."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: dict[str, RSAPrivateKey] = {}
        self.answer: Any = None
        self.status = 200
        self.asked = 0
        self.rotate("first")

    @property
    def keys_url(self) -> str:
        return f"{self.url}/keys"

    def rotate(self, id: str) -> None:
        """From now on this key only."""
        self.keys = {id: private_key(id)}

    def published(self) -> dict[str, Any]:
        entries = [
            {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": "RS256", "use": "sig"}
            for kid, key in self.keys.items()
        ]
        # What others publish beside: a key for encryption, one of an unknown kind, one that is a secret.
        secret = {"kty": "oct", "kid": "secret", "k": "c2VjcmV0" * 8, "alg": "HS256"}
        return {"keys": [{**entries[0], "kid": "enc", "use": "enc"}, {"kty": "new"}, secret, *entries]}

    async def answer_keys(self, _: Request) -> JSONResponse:
        self.asked += 1
        return JSONResponse(self.published() if self.answer is None else self.answer, self.status)

    def claims(self, **claims: Any) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": self.url, "aud": AUDIENCE, "iat": now, "exp": now + 60, **ADA, **claims}

    def token(self, *, key: RSAPrivateKey | None = None, kid: str | None = None, **claims: Any) -> str:
        known, own = next(iter(self.keys.items()))
        whole = {name: value for name, value in self.claims(**claims).items() if value is not None}
        return jwt.encode(whole, key or own, "RS256", headers={"kid": kid or known})


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    app = Application()
    web(app).routes.append(Route("/keys", issuer.answer_keys))
    async with serving(app) as url:
        issuer.url = url
        yield issuer


@pytest.fixture
def issuer(server: Issuer) -> Issuer:
    server.rotate("first")
    server.answer, server.status, server.asked = None, 200, 0
    return server


class Demo:
    def __init__(self, app: Application, strategy: OidcStrategy) -> None:
        self.app = app
        self.strategy = strategy

    async def log_in(self, token: object, **data: Any) -> dict[str, Any]:
        result: dict[str, Any] = await self.app.service("authentication").create(
            {"strategy": "school-id", "idToken": token, **data}, Params(provider="rest")
        )
        return result

    async def refused(self, token: object, **data: Any) -> str:
        with pytest.raises(NotAuthenticated) as raised:
            await self.log_in(token, **data)
        return raised.value.message


Build = Callable[..., Demo]


@pytest.fixture
def build(start: Start, options: AuthenticationOptions, issuer: Issuer, time: ManualTime) -> Build:
    def run(kind: type[OidcStrategy] = OidcStrategy, **changes: Any) -> Demo:
        app = start(replace(options, auth_strategies=("jwt", "school-id")))
        chosen = OidcOptions(issuer=issuer.url, audience=AUDIENCE, keys_url=issuer.keys_url)
        keys = IssuerKeys(issuer.keys_url, timeout=2.0, monotonic=time.monotonic)
        strategy = kind(replace(chosen, **changes), keys)
        service = authentication_of(app)
        assert service is not None
        service.register("school-id", strategy)
        return Demo(app, strategy)

    return run


@pytest.fixture
async def demo(build: Build) -> Demo:
    demo = build()
    await demo.app.service("users").create({"name": "Ada", "school-idId": "ada-1"})
    return demo


async def test_a_good_token_lets_in_whom_it_names(demo: Demo, issuer: Issuer) -> None:
    result = await demo.log_in(issuer.token())
    assert result["user"]["name"] == "Ada"
    assert result["authentication"].keys() == {"strategy", "payload"}
    params = Params(provider="rest", authentication={"strategy": "jwt", "accessToken": result["accessToken"]})
    await demo.app.service("notes").find(params)


@pytest.mark.parametrize("token", [None, "", 5, {"$ne": 1}, "x.y.z", "é", "x" * 9000])
async def test_what_is_no_token_is_refused(demo: Demo, token: object) -> None:
    await demo.refused(token)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "another"}, "Audience"),
        ({"aud": None}, "aud"),
        ({"iss": "https://else.example"}, "issuer"),
        ({"iss": None}, "iss"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": 2**33}, "not yet valid"),
        ({"nbf": 2**33}, "not yet valid"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "no subject"),
        ({"sub": "somebody else"}, "There is no user for this token"),
    ],
)
async def test_each_claim_is_checked(demo: Demo, issuer: Issuer, claims: Claims, reason: str) -> None:
    assert reason in await demo.refused(issuer.token(**claims))


async def test_a_required_claim_must_be_there(build: Build, issuer: Issuer) -> None:
    demo = build(required=("auth_time",))
    assert "auth_time" in await demo.refused(issuer.token())


async def test_another_key_under_a_known_id_is_refused(demo: Demo, issuer: Issuer) -> None:
    forged = issuer.token(key=private_key("forged"))
    assert "Signature" in await demo.refused(forged)


def by_hand(claims: Claims, algorithm: str, kid: str, secret: bytes = b"") -> str:
    """A token as PyJWT would not make it: without a signature, or with a public key for a secret."""
    parts = [{"alg": algorithm, "typ": "JWT", "kid": kid}, claims]
    signed = b".".join(base64url(json.dumps(part).encode()) for part in parts)
    signature = base64url(hmac.digest(secret, signed, "sha256")) if secret else b""
    return b".".join([signed, signature]).decode()


def base64url(value: bytes) -> bytes:
    return urlsafe_b64encode(value).rstrip(b"=")


async def test_the_public_key_is_no_secret_to_sign_with(demo: Demo, issuer: Issuer) -> None:
    public = issuer.keys["first"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert "alg" in await demo.refused(by_hand(issuer.claims(), "HS256", "first", public))


async def test_neither_no_signature_nor_a_published_secret_is_one(demo: Demo, issuer: Issuer) -> None:
    claims = issuer.claims()
    assert "alg" in await demo.refused(by_hand(claims, "none", "first"))
    assert "unknown" in await demo.refused(by_hand(claims, "HS256", "secret", b"secret" * 8))
    assert "unknown" in await demo.refused(issuer.token(kid="enc"))


async def test_a_token_that_names_no_key_is_refused_unasked(demo: Demo, issuer: Issuer) -> None:
    await demo.refused(jwt.encode(issuer.claims(), issuer.keys["first"], "RS256"))
    assert issuer.asked == 0


async def test_keys_are_fetched_once_and_anew_for_an_unknown_one(
    demo: Demo, issuer: Issuer, time: ManualTime
) -> None:
    await demo.log_in(issuer.token())
    await demo.log_in(issuer.token())
    assert issuer.asked == 1
    issuer.rotate("second")
    assert "unknown" in await demo.refused(issuer.token())
    assert issuer.asked == 1
    time.advance(30)
    await demo.log_in(issuer.token())
    assert issuer.asked == 2


async def test_a_key_that_was_withdrawn_holds_an_hour_at_most(
    demo: Demo, issuer: Issuer, time: ManualTime
) -> None:
    old = issuer.token()
    await demo.log_in(old)
    issuer.rotate("second")
    time.advance(3600)
    assert "unknown" in await demo.refused(old)


@pytest.mark.parametrize("answer", [[], {}, {"keys": []}, {"keys": "x"}, {"keys": [1, None, {"kty": "RSA"}]}])
async def test_an_issuer_without_keys_is_out_of_order(demo: Demo, issuer: Issuer, answer: Any) -> None:
    issuer.answer = answer
    with pytest.raises(Unavailable):
        await demo.log_in(issuer.token())


async def test_an_issuer_that_is_down_is_no_bad_token(demo: Demo, issuer: Issuer, time: ManualTime) -> None:
    issuer.status = 500
    with pytest.raises(Unavailable):
        await demo.log_in(issuer.token())
    with pytest.raises(Unavailable):
        await demo.log_in(issuer.token())
    assert issuer.asked == 1
    issuer.status = 200
    time.advance(2)
    await demo.log_in(issuer.token())


async def test_an_address_that_nobody_listens_at_is_no_bad_token() -> None:
    keys = IssuerKeys("http://127.0.0.1:1/keys", timeout=1.0)
    with pytest.raises(Unavailable):
        await keys.key("first", ["RS256"])


@pytest.mark.parametrize("url", ["http://issuer.example/keys", "file:///etc/passwd", "ftp://localhost/keys"])
def test_keys_come_by_https_only(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        IssuerKeys(url)


@pytest.mark.parametrize("algorithms", [(), ("HS256",), ("none",), ("RS256", "HS256")])
def test_only_signatures_by_a_private_key_count(algorithms: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="algorithms"):
        OidcOptions(issuer="i", audience="a", keys_url="https://i", algorithms=algorithms)


async def test_a_nonce_must_be_the_clients(build: Build, issuer: Issuer) -> None:
    demo = build(nonce=True)
    await demo.app.service("users").create({"school-idId": "ada-1"})
    for token, data in (
        (issuer.token(), {}),
        (issuer.token(), {"nonce": ""}),
        (issuer.token(nonce="abc"), {}),
        (issuer.token(nonce="abc"), {"nonce": "abd"}),
        (issuer.token(nonce="abc"), {"nonce": {"$ne": 1}}),
    ):
        assert "nonce" in await demo.refused(token, **data)
    await demo.log_in(issuer.token(nonce="abc"), nonce="abc")


async def test_a_verified_e_mail_links_the_account(build: Build, issuer: Issuer) -> None:
    demo = build(match_email=True)
    users = demo.app.service("users")
    await users.create({"email": "ada@hill.example", "name": "Ada"})
    assert (await demo.log_in(issuer.token()))["user"]["name"] == "Ada"
    assert (await users.get(1))["school-idId"] == "ada-1"
    await demo.refused(issuer.token(sub="ada-2"))
    assert (await demo.log_in(issuer.token(email="other@hill.example")))["user"]["name"] == "Ada"


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email_verified": "true"}, {"email": 5}])
async def test_an_e_mail_that_is_not_verified_links_nothing(
    build: Build, issuer: Issuer, claims: Claims
) -> None:
    demo = build(match_email=True)
    await demo.app.service("users").create({"email": "ada@hill.example"})
    await demo.refused(issuer.token(**claims))


async def test_an_e_mail_that_two_have_links_neither(build: Build, issuer: Issuer) -> None:
    demo = build(match_email=True)
    await demo.app.service("users").create([{"email": "ada@hill.example"}] * 2)
    await demo.refused(issuer.token())


async def test_e_mails_link_only_where_that_is_allowed(build: Build, issuer: Issuer) -> None:
    demo = build()
    await demo.app.service("users").create({"email": "ada@hill.example"})
    await demo.refused(issuer.token())


class Named(OidcStrategy):
    async def get_entity_data(
        self, claims: Claims, existing: Claims | None, params: Params
    ) -> dict[str, Any]:
        return {**await super().get_entity_data(claims, existing, params), "name": claims["given_name"]}


async def test_who_is_new_is_made_where_that_is_allowed(build: Build, issuer: Issuer) -> None:
    demo = build(Named, create=True)
    first = await demo.log_in(issuer.token(given_name="Ada"))
    expected = {"school-idId": "ada-1", "email": "ada@hill.example", "name": "Ada"}
    assert first["user"] == {"_id": 1, **expected}
    again = await demo.log_in(issuer.token(given_name="Ada"))
    assert again["user"] == first["user"]


async def test_who_may_not_log_in_is_not_made_a_second_time(
    start: Start, options: AuthenticationOptions, issuer: Issuer
) -> None:
    def stays(user: Mapping[str, Any]) -> bool:
        return not user.get("left")

    app = start(replace(options, auth_strategies=("jwt", "school-id"), accepts=stays))
    chosen = OidcOptions(issuer=issuer.url, audience=AUDIENCE, keys_url=issuer.keys_url, create=True)
    service = authentication_of(app)
    assert service is not None
    service.register("school-id", OidcStrategy(chosen))
    await app.service("users").create({"school-idId": "ada-1", "left": True})
    await Demo(app, OidcStrategy(chosen)).refused(issuer.token())
    assert len(await app.service("users").find()) == 1


async def test_two_first_logins_at_once_make_one(build: Build, issuer: Issuer) -> None:
    demo = build(create=True)
    users = demo.app.service("users")
    made: list[bool] = []

    async def overtake(context: HookContext) -> None:
        if not made:
            made.append(True)
            await users.create({"school-idId": "ada-1", "name": "first"})
            raise Conflict("taken")

    users.hooks({"before": {"create": [overtake]}})
    assert (await demo.log_in(issuer.token()))["user"]["name"] == "first"


def test_the_presets_name_their_issuers() -> None:
    assert google("client").issuer == ("https://accounts.google.com", "accounts.google.com")
    assert (firebase("school").audience, firebase("school").issuer) == (
        "school",
        "https://securetoken.google.com/school",
    )
    assert supabase("https://abc.supabase.co/").keys_url == (
        "https://abc.supabase.co/auth/v1/.well-known/jwks.json"
    )
    for options in (google("c"), firebase("p"), supabase("https://abc.supabase.co")):
        OidcStrategy(options)


async def test_either_of_two_issuers_is_taken(build: Build, issuer: Issuer) -> None:
    demo = build(issuer=("https://else.example", issuer.url))
    await demo.app.service("users").create({"school-idId": "ada-1"})
    await demo.log_in(issuer.token())
    await demo.log_in(issuer.token(iss="https://else.example"))
