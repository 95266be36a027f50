"""Every error class as clients get it, by REST and on a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
import pytest

from stonechat.core import errors
from stonechat.core.application import Application
from stonechat.core.context import Params
from stonechat.core.errors import BadRequest, FeathersError
from stonechat.core.testing import serving
from stonechat.core.transports.realtime import realtime
from stonechat.core.transports.rest import rest
from tests.conformance.test_rest import error
from tests.support.wire import Wire

Json = dict[str, Any]

CODES: Final = {
    "BadRequest": 400,
    "NotAuthenticated": 401,
    "PaymentError": 402,
    "Forbidden": 403,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "NotAcceptable": 406,
    "Timeout": 408,
    "Conflict": 409,
    "Gone": 410,
    "LengthRequired": 411,
    "Unprocessable": 422,
    "TooManyRequests": 429,
    "GeneralError": 500,
    "NotImplemented": 501,
    "BadGateway": 502,
    "Unavailable": 503,
}
MADE: Final[dict[str, tuple[FeathersError, Json]]] = {
    "nothing": (BadRequest(), error("BadRequest", 400, "Error")),
    "message": (BadRequest("no"), error("BadRequest", 400, "no")),
    "data": (BadRequest("no", {"a": [1, None]}), error("BadRequest", 400, "no", data={"a": [1, None]})),
    "list": (BadRequest("no", [{"a": 1}]), error("BadRequest", 400, "no", data=[{"a": 1}])),
    "errors": (
        BadRequest("no", {"errors": {"name": "is taken"}}),
        error("BadRequest", 400, "no", data={}, errors={"name": "is taken"}),
    ),
    "both": (
        BadRequest("no", {"a": 1, "errors": ["x"]}),
        error("BadRequest", 400, "no", data={"a": 1}, errors=["x"]),
    ),
    "object": (BadRequest({"message": "no", "a": 1}), error("BadRequest", 400, "no", data={"a": 1})),
    "exception": (BadRequest(ValueError("no")), error("BadRequest", 400, "no")),
}


class Failing:
    """Raises the error that the id names."""

    async def get(self, id: str, params: Params) -> None:
        if id in MADE:
            raise MADE[id][0]
        if id in CODES:
            kind: type[FeathersError] = getattr(errors, id)
            raise kind("as asked", {"id": id})
        raise RuntimeError("the password is 1234")


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    app = Application()
    app.configure(rest()).configure(realtime())
    app.use("failing", Failing())
    async with serving(app) as address:
        yield address


@pytest.fixture(scope="module")
async def client(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=url) as client:
        yield client


@pytest.fixture(scope="module")
async def socket(url: str) -> AsyncIterator[Wire]:
    async with Wire.open(url) as wire:
        yield wire


@pytest.mark.parametrize(("name", "code"), CODES.items())
async def test_a_class_has_its_status_and_names(
    client: httpx2.AsyncClient, socket: Wire, name: str, code: int
) -> None:
    expected = error(name, code, "as asked", data={"id": name})
    response = await client.get(f"/failing/{name}")
    assert (response.status_code, response.json()) == (code, expected)
    assert await socket.call("get", "failing", name, {}) == [expected]


@pytest.mark.parametrize("how", MADE)
async def test_data_and_errors_are_sent_where_they_were_given(
    client: httpx2.AsyncClient, socket: Wire, how: str
) -> None:
    expected = MADE[how][1]
    assert (await client.get(f"/failing/{how}")).json() == expected
    assert await socket.call("get", "failing", how, {}) == [expected]


async def test_a_plain_exception_is_a_general_error_without_its_stack(
    client: httpx2.AsyncClient, socket: Wire
) -> None:
    """The text stays in the log, unless an error hook says otherwise, as the fixture app's does."""
    expected = error("GeneralError", 500, "Internal server error")
    response = await client.get("/failing/plainly")
    assert (response.status_code, response.json()) == (500, expected)
    assert await socket.call("get", "failing", "plainly", {}) == [expected]
