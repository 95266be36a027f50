from __future__ import annotations

from typing import Any

import pytest

from stonechat.core import errors
from stonechat.core.errors import BadRequest, FeathersError

CLASSES = [
    ("BadRequest", 400, "bad-request"),
    ("NotAuthenticated", 401, "not-authenticated"),
    ("PaymentError", 402, "payment-error"),
    ("Forbidden", 403, "forbidden"),
    ("NotFound", 404, "not-found"),
    ("MethodNotAllowed", 405, "method-not-allowed"),
    ("NotAcceptable", 406, "not-acceptable"),
    ("Timeout", 408, "timeout"),
    ("Conflict", 409, "conflict"),
    ("Gone", 410, "gone"),
    ("LengthRequired", 411, "length-required"),
    ("PayloadTooLarge", 413, "payload-too-large"),
    ("Unprocessable", 422, "unprocessable"),
    ("TooManyRequests", 429, "too-many-requests"),
    ("GeneralError", 500, "general-error"),
    ("NotImplemented", 501, "not-implemented"),
    ("BadGateway", 502, "bad-gateway"),
    ("Unavailable", 503, "unavailable"),
]


@pytest.mark.parametrize(("name", "code", "class_name"), CLASSES)
def test_each_class_has_the_name_and_code_that_clients_know(name: str, code: int, class_name: str) -> None:
    error: FeathersError = getattr(errors, name)("text")
    assert error.to_json() == {"name": name, "message": "text", "code": code, "className": class_name}
    assert error.type == "FeathersError"
    assert str(error) == "text"


def test_there_are_no_other_classes() -> None:
    built_in = {kind.name for kind in FeathersError.__subclasses__() if kind.__module__ == errors.__name__}
    assert built_in == {name for name, _, _ in CLASSES}


GIVEN: list[tuple[tuple[Any, ...], str, dict[str, Any]]] = [
    ((), "Error", {}),
    (("",), "Error", {}),
    (("text",), "text", {}),
    ((ValueError("inner"),), "inner", {}),
    (({"message": "text"},), "text", {}),
    (({"message": "text", "a": 1},), "text", {"data": {"a": 1}}),
    (({"a": 1},), "Error", {"data": {"a": 1}}),
    (({"message": "text", "a": 1}, {"b": 2}), "text", {"data": {"a": 1, "b": 2}}),
    (("text", {"a": 1}), "text", {"data": {"a": 1}}),
    (("text", {}), "text", {"data": {}}),
    (("text", [1, 2]), "text", {"data": [1, 2]}),
    (("text", []), "text", {"data": []}),
    (("text", {"errors": {"a": "bad"}}), "text", {"data": {}, "errors": {"a": "bad"}}),
    (("text", {"errors": ["bad"], "a": 1}), "text", {"data": {"a": 1}, "errors": ["bad"]}),
    (({"message": "text", "errors": ["bad"]},), "text", {"data": {}, "errors": ["bad"]}),
]


@pytest.mark.parametrize(("arguments", "message", "extra"), GIVEN)
def test_what_is_given_and_what_is_sent(
    arguments: tuple[Any, ...], message: str, extra: dict[str, Any]
) -> None:
    expected = {"name": "BadRequest", "message": message, "code": 400, "className": "bad-request", **extra}
    assert BadRequest(*arguments).to_json() == expected


def test_the_data_that_was_given_is_not_changed() -> None:
    data = {"errors": {"a": "bad"}}
    BadRequest("text", data)
    assert data == {"errors": {"a": "bad"}}


def test_own_classes_have_a_name_of_their_own() -> None:
    class OutOfChalk(FeathersError, code=418):
        pass

    assert OutOfChalk("gone").to_json() == {
        "name": "OutOfChalk",
        "message": "gone",
        "code": 418,
        "className": "out-of-chalk",
    }
