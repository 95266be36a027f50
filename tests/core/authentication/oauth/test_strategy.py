"""Who it is that a provider vouches for."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    OauthOptions,
    OauthStrategy,
)
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import Conflict, FeathersError, NotAuthenticated
from stonechat.core.oauth import oauth
from tests.support.oauth_browser import Browser
from tests.support.provider import Provider

Start = Callable[[AuthenticationOptions], Application]
Profile = Mapping[str, Any]
Build = Callable[..., Application]


@pytest.fixture
def build(start: Start, options: AuthenticationOptions, provider: Provider) -> Build:
    def run(kind: type[OauthStrategy] = OauthStrategy, **changes: Any) -> Application:
        app = start(replace(options, **changes))
        providers = {"github": provider.options()}
        app.configure(oauth(OauthOptions(providers=providers), {"github": kind}))
        return app

    return run


async def log_in(app: Application, profile: Profile, **params: Any) -> dict[str, Any]:
    """As the callback does it."""
    result: dict[str, Any] = await app.service("authentication").create(
        {"strategy": "github", "profile": profile}, Params(auth_strategies=("github",), **params)
    )
    return result


@pytest.mark.parametrize("allowed", [("jwt",), ("jwt", "github")])
@pytest.mark.parametrize("provider_of_call", ["rest", "socketio", None])
async def test_nobody_logs_in_with_a_profile_made_up(
    build: Build, allowed: tuple[str, ...], provider_of_call: str | None
) -> None:
    """Own code that passes a client's data on is no way in either."""
    app = build(auth_strategies=allowed)
    await app.service("users").create({"githubId": 7})
    data = {"strategy": "github", "profile": {"id": 7}, "auth_strategies": ["github"]}
    with pytest.raises(NotAuthenticated):
        await app.service("authentication").create(data, Params(provider=provider_of_call, query=data))
    if provider_of_call is not None:
        with pytest.raises(NotAuthenticated):
            await log_in(app, {"id": 7}, provider=provider_of_call)


@pytest.mark.parametrize("subject", [None, "", 0, True, {"$ne": 1}, [7], 7.5])
async def test_a_profile_of_nobody_is_refused(build: Build, subject: object) -> None:
    app = build()
    await app.service("users").create({"githubId": 7})
    with pytest.raises(NotAuthenticated, match="who this is"):
        await log_in(app, {"id": subject})
    assert len(await app.service("users").find()) == 1


async def test_the_subject_goes_before_the_id(build: Build) -> None:
    assert (await log_in(build(), {"sub": "s", "id": 7}))["user"]["githubId"] == "s"


async def test_who_may_not_log_in_is_not_made_a_second_time(build: Build) -> None:
    def stays(user: Mapping[str, Any]) -> bool:
        return not user.get("left")

    app = build(accepts=stays)
    await app.service("users").create({"githubId": 7, "left": True})
    with pytest.raises(NotAuthenticated, match="may not log in"):
        await log_in(app, {"id": 7})
    assert len(await app.service("users").find()) == 1


async def test_an_account_of_two_is_nobody_s(build: Build) -> None:
    app = build()
    await app.service("users").create([{"githubId": 7}, {"githubId": 7}])
    with pytest.raises(NotAuthenticated, match="more than one"):
        await log_in(app, {"id": 7})


async def test_a_login_that_changes_nothing_is_no_event(build: Build) -> None:
    class Named(OauthStrategy):
        async def get_entity_data(
            self, profile: Profile, existing: Profile | None, params: Params
        ) -> dict[str, Any]:
            return {**await super().get_entity_data(profile, existing, params), "name": profile["name"]}

    app = build(Named)
    events: list[tuple[str, str]] = []
    for event in ("created", "patched"):

        def note(user: Any, _: HookContext, event: str = event) -> None:
            events.append((event, user["name"]))

        app.service("users").on(event, note)
    for name in ("Ada", "Ada", "Ada L."):
        await log_in(app, {"id": 7, "name": name})
    assert events == [("created", "Ada"), ("patched", "Ada L.")]


async def test_another_query_finds_another_entity(build: Build) -> None:
    class ByName(OauthStrategy):
        async def get_entity_query(self, profile: Profile, params: Params) -> dict[str, Any]:
            return {"name": profile["login"]}

    app = build(ByName)
    await app.service("users").create([{"name": "Ben"}, {"name": "Ada"}])
    user = (await log_in(app, {"id": 7, "login": "Ada"}))["user"]
    assert user == {"_id": 2, "name": "Ada", "githubId": 7}


async def test_a_strategy_may_take_known_people_only(build: Build) -> None:
    class Known(OauthStrategy):
        async def create_entity(self, profile: Profile, params: Params) -> dict[str, Any]:
            raise NotAuthenticated("Ask the office for an account")

    with pytest.raises(NotAuthenticated, match="office"):
        await log_in(build(Known), {"id": 7})


@pytest.mark.parametrize("is_there", [True, False])
async def test_two_first_logins_at_once_make_one(build: Build, is_there: bool) -> None:
    app = build()
    users = app.service("users")
    made: list[bool] = []

    async def overtake(_: HookContext) -> None:
        if not made:
            made.append(True)
            if is_there:
                await users.create({"githubId": 7, "name": "first"})
            raise Conflict("taken")

    users.hooks({"before": {"create": [overtake]}})
    if is_there:
        assert (await log_in(app, {"id": 7}))["user"]["name"] == "first"
    else:
        with pytest.raises(Conflict):
            await log_in(app, {"id": 7})


async def test_a_strategy_may_send_the_browser_elsewhere(
    open_browser: Callable[..., Awaitable[Browser]],
) -> None:
    class Elsewhere(OauthStrategy):
        async def get_allowed_origin(self, params: Params) -> str:
            return "https://elsewhere.example/"

        async def get_redirect(self, outcome: Mapping[str, Any] | FeathersError, params: Params) -> str:
            assert not isinstance(outcome, FeathersError)
            assert outcome["authentication"]["strategy"] == "github"
            return f"{params['origin']}#{params['redirect']}"

    browser = await open_browser(strategies={"github": Elsewhere})
    callback = await browser.agree(await browser.start(redirect="/x"))
    answer = await browser.http.get(callback)
    assert answer.headers["location"] == "https://elsewhere.example/#/x"
