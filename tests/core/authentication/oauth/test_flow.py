"""A browser's way to a provider and back."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    OauthOptions,
    OauthProvider,
    OauthStrategy,
    authentication_of,
)
from stonechat.core.authentication.oauth import Attempt, Attempts
from stonechat.core.authentication.tokens import TokenOptions, Tokens
from stonechat.core.context import HookContext
from stonechat.core.oauth import COOKIE, oauth
from stonechat.core.transports.web import web
from tests.support.oauth_browser import Browser
from tests.support.provider import Provider

Json = Any
NOT_BEGUN = "The login did not begin in this browser, or took too long"


Open = Callable[..., Awaitable[Browser]]


async def test_a_provider_that_nobody_has_named_is_not_found(browser: Browser) -> None:
    for path in ("/oauth/nobody", "/oauth/jwt", "/oauth/local/callback"):
        answer = await browser.http.get(path)
        assert (answer.status_code, answer.json()["name"]) == (404, "NotFound")


@pytest.mark.parametrize(("name", "found"), [("github", {"githubId": 7}), ("city", {"cityId": "ada-1"})])
async def test_a_browser_comes_back_logged_in(open_browser: Open, name: str, found: dict[str, Json]) -> None:
    browser = await open_browser(served=True)
    web(browser.app).routes.append(Route("/welcome", PlainTextResponse("Welcome")))
    page = await browser.http.get(f"/oauth/{name}?redirect=/welcome", follow_redirects=True)
    assert (page.status_code, page.text, page.url.path) == (200, "Welcome", "/welcome")
    answer = dict(parse_qsl(page.url.fragment))
    assert answer.keys() == {"access_token"}
    assert await browser.user(answer["access_token"]) == {"_id": 1, **found}


async def test_who_comes_again_is_the_same(browser: Browser, provider: Provider) -> None:
    first, again = await browser.log_in(), await browser.log_in()
    assert await browser.user(first["access_token"]) == await browser.user(again["access_token"])
    provider.profile = {"id": 8}
    assert (await browser.user((await browser.log_in())["access_token"]))["githubId"] == 8


async def test_the_provider_is_asked_for_a_code_with_a_challenge(
    open_browser: Open, provider: Provider
) -> None:
    options = provider.options(scope=("user", "mail"), custom_params={"prompt": "login", "state": "x"})
    browser = await open_browser(providers={"github": options, "city": provider.oidc_options()})
    for name in ("github", "city"):
        await browser.log_in(name)
    own, oidc = provider.asked
    assert (own["response_type"], own["scope"], own["prompt"]) == ("code", "user mail", "login")
    assert own["redirect_uri"].endswith("/oauth/github/callback")
    assert "nonce" not in own
    assert (oidc["scope"], oidc["code_challenge_method"]) == ("openid", "S256")
    assert len({own["state"], oidc["state"], oidc["nonce"], oidc["code_challenge"]}) == 4


async def test_the_cookie_is_for_the_way_back_only(browser: Browser) -> None:
    started = await browser.start(feathers_token="a.b.c")
    name, _, rest = started.headers["set-cookie"].partition("=")
    attributes = {part.strip().lower() for part in rest.split(";")[1:]}
    assert name == COOKIE
    assert attributes == {"httponly", "max-age=600", "path=/oauth", "samesite=lax"}
    assert started.headers["cache-control"] == "no-store"
    notes = await browser.http.get(
        "/notes", headers={"Authorization": f"Bearer {browser.http.cookies[COOKIE]}"}
    )
    assert notes.status_code == 401


async def test_behind_a_proxy_the_own_address_is_told(open_browser: Open, provider: Provider) -> None:
    browser = await open_browser(own_url="https://school.example/api/")
    started = await browser.start()
    query = dict(parse_qsl(urlsplit(started.headers["location"]).query))
    assert query["redirect_uri"] == "https://school.example/api/oauth/github/callback"
    cookie = started.headers["set-cookie"].lower()
    assert "secure" in cookie
    assert "path=/api/oauth;" in cookie


async def test_the_path_is_the_application_s_choice(open_browser: Open) -> None:
    browser = await open_browser(path="/log-in/by/")
    started = await browser.http.get("/log-in/by/github")
    assert "path=/log-in/by;" in started.headers["set-cookie"].lower()
    assert (await browser.finish(await browser.agree(started)))[1].keys() == {"access_token"}


async def test_without_its_cookie_an_answer_is_worth_nothing(browser: Browser) -> None:
    callback = await browser.agree(await browser.start(redirect="/welcome"))
    browser.http.cookies.clear()
    assert await browser.finish(callback) == ("/", {"error": NOT_BEGUN})
    assert await browser.users() == []


@pytest.mark.parametrize("state", ["", "another", "ä"])
async def test_an_answer_to_another_question_is_refused(browser: Browser, state: str) -> None:
    callback = httpx2.URL(await browser.agree(await browser.start(redirect="/welcome")))
    page = await browser.finish(str(callback.copy_set_param("state", state)))
    assert page == ("/welcome", {"error": NOT_BEGUN})
    assert await browser.users() == []


async def test_an_answer_of_another_provider_is_refused(browser: Browser) -> None:
    callback = await browser.agree(await browser.start("github"))
    page = await browser.finish(callback.replace("/github/", "/city/"))
    assert page == ("/", {"error": NOT_BEGUN})


async def test_an_answer_in_the_name_of_another_issuer_is_refused(browser: Browser) -> None:
    callback = httpx2.URL(await browser.agree(await browser.start("city")))
    _, answer = await browser.finish(str(callback.copy_set_param("iss", "https://evil.example")))
    assert answer == {"error": "The provider refused the login"}


@pytest.mark.parametrize("change", ["expired", "another secret", "an access token", "nonsense"])
async def test_a_cookie_must_be_of_this_application_and_fresh(
    browser: Browser, options: AuthenticationOptions, change: str
) -> None:
    callback = await browser.agree(await browser.start())
    tokens = Tokens(replace(options.tokens, type="oauth"))
    claims = tokens.verify(browser.http.cookies[COOKIE])
    made = {
        "expired": tokens.issue("github", claims, expires_in=-1),
        "another secret": Tokens(TokenOptions(secret="t" * 32, type="oauth")).issue("github", claims),
        "an access token": Tokens(options.tokens).issue("github", claims),
        "nonsense": "x",
    }[change]
    browser.put_cookie(made)
    assert (await browser.finish(callback))[1] == {"error": NOT_BEGUN}


async def test_a_code_is_used_once(browser: Browser) -> None:
    callback = await browser.agree(await browser.start())
    cookie = browser.http.cookies[COOKIE]
    _, first = await browser.finish(callback)
    browser.put_cookie(cookie)
    _, second = await browser.finish(callback)
    assert first.keys() == {"access_token"}
    assert second == {"error": "The provider refused the login"}


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ("access_denied", "The provider refused the login: access_denied"),
        ("<b>call 555-1234</b>", "The provider refused the login"),
    ],
)
async def test_who_does_not_agree_comes_back_with_an_error(
    browser: Browser, provider: Provider, refusal: str, told: str
) -> None:
    provider.refusal = refusal
    assert await browser.log_in() == {"error": told}
    assert await browser.users() == []


async def test_a_refusal_with_status_200_is_one(browser: Browser, provider: Provider) -> None:
    provider.answers = {"error": "bad_verification_code"}
    assert await browser.log_in() == {"error": "The provider refused the login: bad_verification_code"}


@pytest.mark.parametrize("claims", [{"nonce": "another"}, {"aud": "another"}, {"iss": "another"}, {"exp": 1}])
async def test_an_identity_token_is_checked(
    browser: Browser, provider: Provider, claims: dict[str, Json]
) -> None:
    provider.claims |= claims
    answer = await browser.log_in("city")
    assert answer.keys() == {"error"}
    assert answer["error"].startswith("Invalid identity token")
    assert await browser.users() == []


async def test_an_identity_token_must_be_there(browser: Browser, provider: Provider) -> None:
    provider.answers = {"id_token": None}
    assert await browser.log_in("city") == {"error": "No identity token"}


@pytest.mark.parametrize("token", [None, 5, "a\nb", "another"])
async def test_a_profile_needs_the_access_token(browser: Browser, provider: Provider, token: Json) -> None:
    provider.answers = {"access_token": token}
    assert await browser.log_in() == {"error": "The provider refused the login"}


async def test_a_code_is_only_for_who_has_the_verifier(
    browser: Browser, options: AuthenticationOptions
) -> None:
    """The attacker has the code and the state of somebody else, and the cookie of an attempt of his own."""
    callback = await browser.agree(await browser.start())
    stolen = dict(httpx2.URL(callback).params)
    mine = Attempt(provider="github", origin="/", redirect="", link="", state=stolen["state"])
    browser.put_cookie(Attempts(options.tokens).write(mine))
    assert (await browser.finish(callback))[1] == {"error": "The provider refused the login"}


async def test_a_provider_that_knows_no_challenge_gets_none(open_browser: Open, provider: Provider) -> None:
    browser = await open_browser(providers={"github": provider.options(pkce=False)})
    assert (await browser.log_in()).keys() == {"access_token"}
    assert "code_challenge" not in provider.asked[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"access_url": "http://127.0.0.1:1/token"},
        {"profile_url": "http://127.0.0.1:1/me"},
        {"access_url": "http://127.0.0.1:1/token", "pkce": False},
    ],
)
async def test_a_provider_that_is_down_is_an_error_at_the_page(
    open_browser: Open, provider: Provider, changes: dict[str, Json]
) -> None:
    browser = await open_browser(providers={"github": provider.options(**changes)})
    assert await browser.log_in() == {"error": "The provider does not answer"}


async def test_secrets_follow_no_redirect(open_browser: Open, provider: Provider) -> None:
    moved = provider.options(profile_url=f"{provider.url}/moved")
    browser = await open_browser(providers={"github": moved})
    assert await browser.log_in() == {"error": "The provider does not answer"}


async def test_an_answer_that_is_no_object_is_none(browser: Browser, provider: Provider) -> None:
    provider.profile = ["ada"]  # type: ignore[assignment]
    assert await browser.log_in() == {"error": "The provider does not answer"}


async def test_an_error_of_own_code_is_not_told(browser: Browser) -> None:
    def fail(_: HookContext) -> None:
        raise RuntimeError("the secret is 42")

    browser.app.service("users").hooks({"before": {"create": [fail]}})
    assert await browser.log_in() == {"error": "Internal server error"}


@pytest.mark.parametrize(
    "redirect",
    ["//evil.example", "/\\evil.example", "/a@evil.example", "https://evil.example", "evil", "/\t/e"],
)
async def test_a_redirect_stays_with_the_application(browser: Browser, redirect: str) -> None:
    answer = await browser.start(redirect=redirect)
    assert (answer.status_code, answer.json()["message"]) == (401, "Invalid redirect path.")
    assert "set-cookie" not in answer.headers


async def test_what_no_cookie_can_hold_is_refused(browser: Browser) -> None:
    answer = await browser.start(feathers_token="x" * 4000)
    assert (answer.status_code, answer.json()["name"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    "referer", ["", "https://evil.example/", "https://school.example.evil.example/", "http://school.example/"]
)
async def test_only_listed_pages_may_begin(open_browser: Open, referer: str) -> None:
    browser = await open_browser(origins=["https://school.example", "http://localhost"])
    answer = await browser.start(referer=referer)
    assert (answer.status_code, answer.json()["name"]) == (401, "NotAuthenticated")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("referer", "page"),
    [
        ("https://school.example/login?x=1", "https://school.example/welcome"),
        ("http://localhost:5173/", "http://localhost:5173/welcome"),
    ],
)
async def test_a_listed_page_is_where_the_login_ends(open_browser: Open, referer: str, page: str) -> None:
    browser = await open_browser(origins=["https://school.example", "http://localhost"])
    callback = await browser.agree(await browser.start(referer=referer, redirect="/welcome"))
    assert (await browser.finish(callback))[0] == page


async def test_one_links_an_account_to_oneself(browser: Browser) -> None:
    await browser.app.service("users").create({"name": "Ada"})
    token = issue(browser, "1")
    answer = await browser.log_in(feathers_token=token)
    assert await browser.user(answer["access_token"]) == {"_id": 1, "name": "Ada", "githubId": 7}
    assert len(await browser.users()) == 1


async def test_an_account_that_is_linked_stays_with_whom_it_is(browser: Browser) -> None:
    await browser.app.service("users").create([{"name": "Ada", "githubId": 7}, {"name": "Ben"}])
    answer = await browser.log_in(feathers_token=issue(browser, "2"))
    assert (await browser.user(answer["access_token"]))["name"] == "Ada"
    assert await browser.users() == [{"_id": 1, "name": "Ada", "githubId": 7}, {"_id": 2, "name": "Ben"}]


async def test_a_bad_token_links_nothing_and_makes_nobody(browser: Browser) -> None:
    await browser.app.service("users").create({"name": "Ada"})
    for token in ("a.b.c", issue(browser, "99"), issue(browser, "1")[:-3]):
        assert (await browser.log_in(feathers_token=token)).keys() == {"error"}
    assert await browser.users() == [{"_id": 1, "name": "Ada"}]


def issue(browser: Browser, user_id: str) -> str:
    authentication = authentication_of(browser.app)
    assert authentication is not None
    return authentication.tokens.issue(user_id)


@pytest.mark.parametrize("wanted", [False, True])
async def test_a_refresh_token_is_given_where_it_is_asked_for(
    open_browser: Open, with_sessions: AuthenticationOptions, wanted: bool
) -> None:
    browser = await open_browser(with_sessions, refresh_token=wanted)
    answer = await browser.log_in()
    assert answer.keys() == {"access_token", *(["refresh_token"] if wanted else [])}
    if wanted:
        data = {"strategy": "refresh", "refreshToken": answer["refresh_token"]}
        assert (await browser.http.post("/authentication", json=data)).status_code == 201


async def test_an_answer_is_for_the_browser_that_asked(browser: Browser) -> None:
    """Else one could log another person's browser in as oneself."""
    of_attacker = await browser.agree(await browser.start())
    browser.http.cookies.clear()
    await browser.start()
    assert (await browser.finish(of_attacker))[1] == {"error": NOT_BEGUN}


def test_oauth_needs_authentication(provider: Provider) -> None:
    with pytest.raises(LookupError, match="authentication"):
        Application().configure(oauth(OauthOptions(providers={"github": provider.options()})))


def test_a_provider_has_a_name_of_its_own(app: Application, provider: Provider) -> None:
    with pytest.raises(ValueError, match="local"):
        app.configure(oauth(OauthOptions(providers={"local": provider.options()})))
    with pytest.raises(ValueError, match="typo"):
        app.configure(oauth(OauthOptions(providers={}), {"typo": OauthStrategy}))


@pytest.mark.parametrize(
    "changes",
    [
        {"profile_url": None},
        {"issuer": "https://i.example", "keys_url": "https://i.example/keys"},
        {"issuer": "https://i.example"},
        {"profile_url": None, "issuer": "https://i.example"},
        {"access_url": "http://provider.example/token"},
        {"authorize_url": "javascript:alert(1)"},
    ],
)
def test_a_provider_is_described_in_one_way_and_safe(changes: dict[str, Json]) -> None:
    urls = {"authorize_url": "https://p.example/a", "access_url": "https://p.example/t"}
    options: dict[str, Json] = {**urls, "profile_url": "https://p.example/me", **changes}
    with pytest.raises(ValueError, match=r"https|either"):
        OauthProvider(key="k", secret="s", **options)
