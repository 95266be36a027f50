"""Logging in to the school with the identity token of another system, whose issuer is a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from bson import ObjectId
from pydantic import ValidationError

from stonechat.app import create_app
from stonechat.core.authentication import authentication_of
from stonechat.models import User
from stonechat.models.record import now
from stonechat.oidc import SchoolOidc
from stonechat.settings import Oidc
from tests.support.provider import KEY, Provider
from tests.support.school import Answer, Person, School, serve_school, test_settings

ADA = {"email": "Ada@demo.school", "email_verified": True}


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[Provider]:
    async with Provider.serving() as provider:
        yield provider


@pytest.fixture(scope="module")
async def school(mongodb_url: str, issuer: Provider) -> AsyncIterator[School]:
    oidc = {
        "issuer": issuer.url,
        "audience": KEY,
        "keys_url": f"{issuer.url}/keys",
        "strategy": "elsewhere",
        "algorithms": ["ES256"],
    }
    settings = test_settings(mongodb_url, "test_oidc", authentication={"oidc": oidc})
    async with serve_school(settings) as served:
        yield served


async def log_in(at: School, token: Any, **more: Any) -> Answer:
    data = {"strategy": "elsewhere", "idToken": token, **more}
    return await at.nobody.rest("create", "authentication", data=data)


async def test_the_account_with_the_verified_e_mail_is_logged_in(school: School, issuer: Provider) -> None:
    answer = await log_in(school, issuer.identity_token(**ADA))
    assert answer.code == 201
    assert answer.body["user"]["name"] == "Ada"
    assert "password" not in answer.body["user"]
    ada = Person(school, answer.body["accessToken"], answer.body["user"])
    assert (await ada.rest("find", "conversations")).code == 200
    refresh = {"strategy": "refresh", "refreshToken": answer.body["refreshToken"]}
    assert (await school.nobody.rest("create", "authentication", data=refresh)).code == 201
    async with school.nobody.socket() as socket:
        data = {"strategy": "elsewhere", "idToken": issuer.identity_token(**ADA)}
        assert (await socket.call("create", "authentication", data=data)).code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"email": "nobody@demo.school"},
        {"email": ""},
        {"email": {"$gt": ""}},
        {"email": None},
        {"aud": "another"},
        {"iss": "https://another.example"},
        {"exp": 1_000_000_000},
        {"sub": ""},
    ],
    ids=str,
)
async def test_any_other_token_lets_nobody_in(school: School, issuer: Provider, claims: Any) -> None:
    answer = await log_in(school, issuer.identity_token(**{**ADA, **claims}))
    assert (answer.code, answer.body["name"]) == (401, "NotAuthenticated")


@pytest.mark.parametrize("token", [None, "", "x.y.z", 5, {"$gt": ""}])
async def test_what_is_no_token_lets_nobody_in(school: School, token: Any) -> None:
    assert (await log_in(school, token)).code == 401


async def test_a_token_of_another_issuer_lets_nobody_in(school: School, issuer: Provider) -> None:
    async with Provider.serving() as other:
        assert (await log_in(school, other.identity_token(**{**ADA, "iss": issuer.url}))).code == 401


async def test_the_school_is_said_where_it_is_another(school: School, issuer: Provider) -> None:
    token = issuer.identity_token(**ADA)
    assert (await log_in(school, token, school="demo-high")).code == 201
    for slug in ("other-school", "nowhere", {"$gt": ""}):
        assert (await log_in(school, token, school=slug)).code == 401


async def test_who_is_being_erased_is_not_let_in(school: School, issuer: Provider) -> None:
    ben = await school.person("ben")
    await User.documents().update_one({"_id": ObjectId(ben.id)}, {"$set": {"erasingAt": now()}})
    token = issuer.identity_token(email="ben@demo.school", email_verified=True)
    assert (await log_in(school, token)).code == 401


async def test_without_the_setting_there_is_no_such_login(mongodb_url: str, issuer: Provider) -> None:
    async with serve_school(test_settings(mongodb_url, "test_oidc_off")) as school:
        data = {"strategy": "firebase", "idToken": issuer.identity_token(**ADA)}
        assert (await school.nobody.rest("create", "authentication", data=data)).code == 401


def test_a_firebase_project_says_all_the_rest(mongodb_url: str) -> None:
    oidc = {"firebase_project": "our-school"}
    app = create_app(test_settings(mongodb_url, "never-opened", authentication={"oidc": oidc}))
    service = authentication_of(app)
    assert service is not None
    strategy = service.strategies["firebase"]
    assert isinstance(strategy, SchoolOidc)
    assert strategy.options.issuer == "https://securetoken.google.com/our-school"


@pytest.mark.parametrize(
    "values",
    [
        {"issuer": "https://id.example"},
        {"issuer": "https://id.example", "audience": "a"},
        {"issuer": "https://id.example", "audience": "a", "keys_url": "https://k", "firebase_project": "p"},
        {"algorithms": ["HS256"]},
        {"algorithms": []},
        {"strategy": "No Name"},
    ],
    ids=str,
)
def test_settings_that_do_not_fit_are_refused(values: Any) -> None:
    with pytest.raises(ValidationError):
        Oidc.model_validate(values)
