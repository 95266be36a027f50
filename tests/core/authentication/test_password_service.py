import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    LockoutOptions,
    PasswordServiceOptions,
    passwords,
)
from stonechat.core.authentication.password_service import PASSWORD_RESET, PasswordService
from stonechat.core.context import Connection, Params
from stonechat.core.errors import BadRequest, FeathersError, NotAuthenticated, TooManyRequests
from stonechat.socket.testing import ManualTime

Start = Callable[[AuthenticationOptions], Application]
ADA = {"email": "ada@hill.example", "password": "correct horse"}
BEN = {"email": "ben@hill.example", "password": "battery staple"}
NEW = "a new password"


class Demo:
    """An application with passwords to be changed, and the tokens it has sent."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.sent: list[tuple[str, str]] = []
        self.closed: list[str] = []
        app.on("disconnect", self.close)

    def close(self, connection: Connection) -> None:
        self.closed.append(connection.id)

    def deliver(self, user: Mapping[str, Any], token: str) -> None:
        self.sent.append((user["email"], token))

    async def call(self, method: str, data: Any, **params: Any) -> Any:
        call = {"create": self.app.service("passwords").create}.get(method)
        given = Params(provider="rest", **params)
        if call is not None:
            return await call(data, given)
        return await self.app.service("passwords").call(method, data, given)

    async def ask(self, email: object = ADA["email"], **params: Any) -> str:
        """Ask for a reset; the token, or an empty text where none was sent."""
        before = len(self.sent)
        assert await self.call("create", {"email": email}, **params) == {}
        await self.app.tasks.close()
        return self.sent[-1][1] if len(self.sent) > before else ""

    async def refused(self, method: str, data: Any, **params: Any) -> FeathersError:
        with pytest.raises(BadRequest) as raised:
            await self.call(method, data, **params)
        return raised.value

    async def log_in(self, user: Mapping[str, str]) -> dict[str, Any]:
        result: dict[str, Any] = await self.app.service("authentication").create(
            {"strategy": "local", **user}, Params(provider="rest")
        )
        return result

    async def is_password(self, password: str) -> bool:
        try:
            await self.log_in({**ADA, "password": password})
        except NotAuthenticated:
            return False
        return True

    async def is_let_in(self, login: Mapping[str, Any]) -> bool:
        try:
            await self.app.service("notes").find(Params(provider="rest", **_bearer(login)))
        except NotAuthenticated:
            return False
        return True


def _bearer(login: Mapping[str, Any]) -> dict[str, Any]:
    return {"authentication": {"strategy": "jwt", "accessToken": login["accessToken"]}}


@pytest.fixture
async def demo(start: Start, with_sessions: AuthenticationOptions, time: ManualTime) -> Demo:
    return await _demo(start(with_sessions))


async def _demo(app: Application, options: PasswordServiceOptions | None = None) -> Demo:
    demo = Demo(app)
    chosen = replace(options or PasswordServiceOptions(), deliver=demo.deliver)
    app.configure(passwords(chosen))
    app.use("password-resets", MemoryService(), methods=())
    await app.service("users").create([ADA, BEN])
    await app.setup()
    return demo


@pytest.mark.parametrize("method", ["reset", "change"])
@pytest.mark.parametrize("data", [None, [], "x", {}, {"token": 5, "password": 5}, {"token": "x"}])
async def test_what_is_no_request_is_refused(demo: Demo, method: str, data: Any) -> None:
    await demo.refused(method, data, **_bearer(await demo.log_in(ADA)))


@pytest.mark.parametrize("data", [None, [], {}, {"email": None}, {"email": {"$ne": 1}}, {"email": "a\0"}])
async def test_an_account_must_be_named(demo: Demo, data: Any) -> None:
    assert (await demo.refused("create", data)).message == "An account must be named"
    assert demo.sent == []


async def test_a_forgotten_password_is_set_by_token(demo: Demo) -> None:
    token = await demo.ask(" ADA@hill.example".strip())
    assert [email for email, _ in demo.sent] == [ADA["email"]]
    assert await demo.call("reset", {"token": token, "password": NEW}) == {}
    assert await demo.is_password(NEW)
    assert not await demo.is_password(ADA["password"])


async def test_the_answer_is_one_whether_there_is_such_an_account_or_not(demo: Demo) -> None:
    assert await demo.ask("nobody@hill.example") == ""
    assert await demo.ask() != ""


async def test_only_a_hash_of_the_token_is_stored(demo: Demo) -> None:
    token = await demo.ask()
    (reset,) = await demo.app.service("password-resets").find()
    assert token not in str(reset)
    assert reset["userId"] == "1"


@pytest.mark.parametrize("wrong", ["", "x", "1"])
async def test_a_made_up_token_is_refused(demo: Demo, wrong: str) -> None:
    await demo.ask()
    error = await demo.refused("reset", {"token": wrong, "password": NEW})
    assert error.errors == {"token": "is wrong, used or too old"}
    assert await demo.is_password(ADA["password"])


async def test_a_token_is_used_once(demo: Demo) -> None:
    token = await demo.ask()
    await demo.call("reset", {"token": token, "password": NEW})
    await demo.refused("reset", {"token": token, "password": "another one"})
    assert await demo.is_password(NEW)


async def test_of_many_uses_at_once_one_succeeds(demo: Demo) -> None:
    token = await demo.ask()
    outcomes = await asyncio.gather(
        *(demo.call("reset", {"token": token, "password": f"password-{n}"}) for n in range(5)),
        return_exceptions=True,
    )
    assert outcomes.count({}) == 1
    assert await demo.is_password(f"password-{outcomes.index({})}")


async def test_a_token_is_too_old_after_its_time(start: Start, options: AuthenticationOptions) -> None:
    demo = await _demo(start(options), PasswordServiceOptions(expires_in=0))
    error = await demo.refused("reset", {"token": await demo.ask(), "password": NEW})
    assert list(error.errors) == ["token"]


async def test_a_token_holds_half_an_hour(
    start: Start, options: AuthenticationOptions, time: ManualTime
) -> None:
    demo = await _demo(start(options))
    service = PasswordService(demo.app, PasswordServiceOptions(), now=lambda: time.now().timestamp())
    in_time, too_late = await demo.ask(), ""
    time.advance(29 * 60)
    await service.reset({"token": in_time, "password": NEW}, Params())
    too_late = await demo.ask()
    time.advance(2 * 60)
    with pytest.raises(BadRequest, match="not valid"):
        await service.reset({"token": too_late, "password": NEW}, Params())


async def test_the_newest_token_counts(demo: Demo) -> None:
    first, second = await demo.ask(), await demo.ask()
    await demo.refused("reset", {"token": first, "password": NEW})
    await demo.call("reset", {"token": second, "password": NEW})


async def test_a_token_outlives_neither_its_user_nor_a_change(demo: Demo) -> None:
    login, token = await demo.log_in(ADA), await demo.ask()
    await demo.call("change", {"password": ADA["password"], "newPassword": NEW}, **_bearer(login))
    await demo.refused("reset", {"token": token, "password": "another one"})
    token = await demo.ask()
    await demo.app.service("users").remove(1)
    await demo.refused("reset", {"token": token, "password": "another one"})


@pytest.mark.parametrize("password", ["short", "x" * 1025, None, {"$ne": 1}])
async def test_a_new_password_must_be_one_and_a_bad_one_costs_no_token(demo: Demo, password: Any) -> None:
    token, login = await demo.ask(), await demo.log_in(ADA)
    assert list((await demo.refused("reset", {"token": token, "password": password})).errors) == ["password"]
    change = {"password": ADA["password"], "newPassword": password}
    assert list((await demo.refused("change", change, **_bearer(login))).errors) == ["newPassword"]
    await demo.call("reset", {"token": token, "password": NEW})


async def test_a_reset_ends_all_sessions_of_the_account(demo: Demo) -> None:
    login, of_ben = await demo.log_in(ADA), await demo.log_in(BEN)
    socket = Connection(id="a", provider="socketio", headers={})
    await demo.app.service("authentication").create(
        _bearer(login)["authentication"], Params({"connection": socket, **socket})
    )
    await demo.call("reset", {"token": await demo.ask(), "password": NEW})
    assert demo.closed == ["a"]
    assert [await demo.is_let_in(one) for one in (login, of_ben)] == [False, True]


async def test_a_change_needs_a_login(demo: Demo) -> None:
    with pytest.raises(NotAuthenticated):
        await demo.call("change", {"password": ADA["password"], "newPassword": NEW})
    with pytest.raises(NotAuthenticated):
        await demo.app.service("passwords").call("change", {"password": "x", "newPassword": NEW})


async def test_a_change_needs_the_old_password(demo: Demo) -> None:
    login = await demo.log_in(ADA)
    error = await demo.refused("change", {"password": "wrong", "newPassword": NEW}, **_bearer(login))
    assert error.errors == {"password": "is wrong"}
    assert not await demo.is_password(NEW)


async def test_a_change_ends_every_other_session(demo: Demo) -> None:
    login, other, of_ben = await demo.log_in(ADA), await demo.log_in(ADA), await demo.log_in(BEN)
    answer = await demo.call("change", {"password": ADA["password"], "newPassword": NEW}, **_bearer(login))
    assert answer == {}
    assert await demo.is_password(NEW)
    assert [await demo.is_let_in(one) for one in (login, other, of_ben)] == [True, False, True]


async def test_changes_are_guarded_against_guessing(start: Start, options: AuthenticationOptions) -> None:
    demo = await _demo(start(replace(options, lockout=LockoutOptions(account="2/minute", address=""))))
    login = _bearer(await demo.log_in(ADA))
    for _ in range(2):
        await demo.refused("change", {"password": "wrong", "newPassword": NEW}, **login)
    with pytest.raises(TooManyRequests) as raised:
        await demo.call("change", {"password": ADA["password"], "newPassword": NEW}, **login)
    assert raised.value.data["retryAfter"] > 0


@pytest.mark.parametrize("email", ["ada@hill.example", "nobody@hill.example"])
async def test_an_account_is_not_flooded_with_tokens(demo: Demo, email: str) -> None:
    for _ in range(3):
        await demo.ask(email)
    with pytest.raises(TooManyRequests) as raised:
        await demo.ask(email.upper())
    assert raised.value.data["retryAfter"] > 0


async def test_an_address_asks_for_so_many_resets(start: Start, options: AuthenticationOptions) -> None:
    demo = await _demo(start(options), PasswordServiceOptions(per_address="2/hour"))
    for number in range(2):
        await demo.ask(f"nobody-{number}@hill.example", address="10.0.0.1")
    with pytest.raises(TooManyRequests):
        await demo.ask(address="10.0.0.1")
    assert await demo.ask(address="10.0.0.2") != ""


async def test_what_an_address_asks_in_vain_does_not_count_for_the_account(
    start: Start, options: AuthenticationOptions
) -> None:
    limits = PasswordServiceOptions(per_account="1/hour", per_address="1/hour")
    demo = await _demo(start(options), limits)
    await demo.ask("nobody@hill.example", address="2001:db8::1")
    with pytest.raises(TooManyRequests):
        await demo.ask(address="2001:db8::2")
    assert await demo.ask(address="10.0.0.2") != ""


async def test_an_extension_delivers_by_listening(demo: Demo) -> None:
    heard: list[str] = []

    async def post(user: Mapping[str, Any], token: str) -> None:
        heard.append(token)

    demo.app.on(PASSWORD_RESET, post)
    assert [await demo.ask()] == heard


async def test_without_a_deliverer_no_token_is_made(start: Start, options: AuthenticationOptions) -> None:
    app = start(options).configure(passwords())
    app.use("password-resets", MemoryService(), methods=())
    await app.service("users").create([ADA])
    with capture_logs() as logs:
        assert await app.service("passwords").create({"email": ADA["email"]}, Params(provider="rest")) == {}
        await app.tasks.close()
    assert await app.service("password-resets").find() == []
    assert [log["event"] for log in logs] == ["no deliverer of reset tokens is configured"]


@pytest.mark.parametrize(("methods", "error"), [(("find",), ValueError), (None, LookupError)])
async def test_the_service_of_the_resets_must_exist_and_be_closed_to_clients(
    app: Application, methods: tuple[str, ...] | None, error: type[Exception]
) -> None:
    app.configure(passwords())
    if methods is not None:
        app.use("password-resets", MemoryService(), methods=methods)
    with pytest.raises(error, match="password-resets"):
        await app.setup()
