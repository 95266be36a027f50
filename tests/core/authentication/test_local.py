from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    AuthenticationService,
    LocalOptions,
    PasswordHasher,
    PasswordOptions,
    authentication_of,
)
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import NotAuthenticated

Start = Callable[[AuthenticationOptions], Application]
ADA = {"email": "ada@hill.example", "collegeId": "H-1", "password": "correct horse", "schoolId": "hill"}
NAMES = LocalOptions(username_fields={"email": ("email", "collegeId")})


class CountingHasher(PasswordHasher):
    def __init__(self, options: PasswordOptions) -> None:
        super().__init__(options)
        self.work: list[str] = []

    async def verify(self, hashed: str, password: str) -> bool:
        self.work.append("verify")
        return await super().verify(hashed, password)

    async def verify_absent(self, password: str) -> None:
        self.work.append("absent")
        await super().verify_absent(password)


class School:
    """An application with Ada in it, the hashing work it did, and the queries that asked for users."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.queries: list[Mapping[str, Any]] = []
        self.service: AuthenticationService = _authentication(app)
        self.hasher = CountingHasher(self.service.options.passwords)
        self.service.passwords = self.hasher
        app.service("users").hooks({"before": {"find": [self.record]}})

    def record(self, context: HookContext) -> None:
        self.queries.append(dict(context.params.query))

    async def create(self, *users: Mapping[str, Any]) -> None:
        await self.app.service("users").create(list(users))

    async def log_in(self, **data: Any) -> dict[str, Any]:
        params = Params(provider="rest")
        result: dict[str, Any] = await self.app.service("authentication").create(
            {"strategy": "local", **data}, params
        )
        return result

    async def refused(self, **data: Any) -> None:
        with pytest.raises(NotAuthenticated) as raised:
            await self.log_in(**data)
        assert (raised.value.message, raised.value.data) == ("Invalid login", None)


def is_active(user: Mapping[str, Any]) -> bool:
    return bool(user.get("active", True))


def _authentication(app: Application) -> AuthenticationService:
    service = authentication_of(app)
    assert service is not None
    return service


@pytest.fixture
def build(start: Start, options: AuthenticationOptions) -> Callable[[LocalOptions], School]:
    return lambda local: School(start(replace(options, local=local)))


@pytest.fixture
async def school(build: Callable[[LocalOptions], School]) -> School:
    school = build(NAMES)
    await school.create(ADA)
    return school


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"email": "ada@hill.example"},
        {"password": "correct horse"},
        {"email": {"$ne": None}, "password": "correct horse"},
        {"email": {"$gt": ""}, "password": {"$gt": ""}},
        {"email": ["ada@hill.example"], "password": "correct horse"},
        {"email": "ada@hill.example", "password": {"$ne": "x"}},
        {"email": "ada@hill.example", "password": ["correct horse"]},
        {"email": "ada@hill.example", "password": None},
        {"email": "ada@hill.example", "password": ""},
        {"email": "ada@hill.example", "password": "x" * 1025},
        {"email": "", "password": "correct horse"},
        {"email": None, "password": "correct horse"},
        {"email": True, "password": True},
        {"email": "a" * 321, "password": "correct horse"},
        {"email": "ada\0@hill.example", "password": "correct horse"},
        {"email": "\ud800", "password": "correct horse"},
        {"username": "ada@hill.example", "password": "correct horse"},
    ],
    ids=lambda data: repr(data)[:48],
)
async def test_what_is_no_name_and_password_is_refused_before_any_query(
    school: School, data: dict[str, Any]
) -> None:
    await school.refused(**data)
    assert (school.queries, school.hasher.work) == ([], [])


async def test_an_operator_beside_a_right_name_reaches_no_query(school: School) -> None:
    await school.log_in(
        email="ada@hill.example", password="correct horse", **{"$where": "1"}, schoolId={"$ne": 1}
    )
    assert school.queries == [{name: "ada@hill.example", "$limit": 2} for name in ("email", "collegeId")]


async def test_a_wrong_password_is_refused(school: School) -> None:
    await school.refused(email="ada@hill.example", password="wrong horse")
    assert school.hasher.work == ["verify"]


async def test_an_unknown_user_costs_the_work_of_a_known_one(school: School) -> None:
    await school.refused(email="nobody@hill.example", password="correct horse")
    assert school.hasher.work == ["absent"]


@pytest.mark.parametrize("name", ["ada@hill.example", "H-1", "nobody@hill.example"])
async def test_as_much_is_asked_of_the_database_whoever_exists(school: School, name: str) -> None:
    await school.refused(email=name, password="wrong horse")
    assert school.queries == [{"email": name.lower(), "$limit": 2}, {"collegeId": name, "$limit": 2}]


@pytest.mark.parametrize("stored", [None, 5, "correct horse"])
async def test_a_user_without_a_hash_cannot_log_in_and_costs_the_same(school: School, stored: object) -> None:
    params = Params(password_is_hashed=True)
    await school.app.service("users").create({"email": "oidc@hill.example", "password": stored}, params)
    await school.refused(email="oidc@hill.example", password="correct horse")
    assert "absent" in school.hasher.work


@pytest.mark.parametrize("name", ["ada@hill.example", "ADA@Hill.example", "H-1"])
async def test_ada_logs_in_by_address_or_college_id(school: School, name: str) -> None:
    result = await school.log_in(email=name, password="correct horse")
    assert result["user"]["email"] == "ada@hill.example"
    assert "password" not in result["user"]
    assert school.hasher.work == ["verify"]


async def test_a_college_id_keeps_its_case(school: School) -> None:
    await school.refused(email="h-1", password="correct horse")


async def test_a_name_that_two_schools_know_is_refused_at_the_cost_of_a_hash(school: School) -> None:
    await school.create({**ADA, "schoolId": "lake"})
    await school.refused(email="ada@hill.example", password="correct horse")
    assert school.hasher.work == ["absent"]


async def test_a_discriminator_tells_two_schools_apart(build: Callable[[LocalOptions], School]) -> None:
    async def extra(data: Mapping[str, Any]) -> dict[str, Any] | None:
        school = data.get("school")
        if school is None:
            return {}
        return {"schoolId": school} if isinstance(school, str) else None

    school = build(replace(NAMES, extra_query=extra))
    await school.create(ADA, {**ADA, "schoolId": "lake", "password": "other horse"})
    names = {"email": "ada@hill.example"}
    result = await school.log_in(**names, password="other horse", school="lake")
    assert result["user"]["schoolId"] == "lake"
    await school.refused(**names, password="other horse", school="hill")
    await school.refused(**names, password="other horse", school="unknown")
    await school.refused(**names, password="other horse")
    asked = len(school.queries)
    await school.refused(**names, password="other horse", school={"$ne": "hill"})
    assert len(school.queries) == asked
    assert school.hasher.work == ["verify", "verify", "absent", "absent", "absent"]


async def test_a_user_who_may_not_log_in_is_as_good_as_unknown(
    start: Start, options: AuthenticationOptions
) -> None:
    accepts = replace(options, accepts=is_active)
    school = School(start(accepts))
    await school.create({**ADA, "active": False})
    await school.refused(email="ada@hill.example", password="correct horse")
    assert school.hasher.work == ["absent"]


async def test_an_old_hash_is_renewed_at_login(school: School) -> None:
    users = school.app.service("users")
    old = await PasswordHasher(PasswordOptions(time_cost=2, memory_cost=8)).hash("correct horse")
    await users.patch(1, {"password": old}, Params(password_is_hashed=True))
    events: list[object] = []

    def on_patched(item: object, context: HookContext) -> None:
        events.append(item)

    users.on("patched", on_patched)
    await school.log_in(email="ada@hill.example", password="correct horse")
    stored = (await users.get(1))["password"]
    assert stored != old
    assert not school.hasher.needs_rehash(stored)
    assert events == []
    await school.log_in(email="ada@hill.example", password="correct horse")
    assert (await users.get(1))["password"] == stored


async def test_a_password_that_changes_during_a_login_is_not_set_back(school: School) -> None:
    users = school.app.service("users")
    old = await PasswordHasher(PasswordOptions(time_cost=2, memory_cost=8)).hash("correct horse")
    await users.patch(1, {"password": old}, Params(password_is_hashed=True))

    async def change_meanwhile(context: HookContext) -> None:
        if context.params.get("password_is_hashed"):
            await users.patch(1, {"password": "brand new horse"})

    users.hooks({"before": {"patch": [change_meanwhile]}})
    await school.log_in(email="ada@hill.example", password="correct horse")
    await school.log_in(email="ada@hill.example", password="brand new horse")
    await school.refused(email="ada@hill.example", password="correct horse")


async def test_a_login_goes_on_if_the_hash_cannot_be_renewed(school: School) -> None:
    users = school.app.service("users")
    old = await PasswordHasher(PasswordOptions(time_cost=2, memory_cost=8)).hash("correct horse")
    await users.patch(1, {"password": old}, Params(password_is_hashed=True))

    def fail(context: HookContext) -> None:
        raise RuntimeError("read-only")

    users.hooks({"before": {"patch": [fail]}})
    result = await school.log_in(email="ada@hill.example", password="correct horse")
    assert result["user"]["email"] == "ada@hill.example"
