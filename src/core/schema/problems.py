"""What is wrong with data or a query, as a client is told.

The BadRequest ``validation failed`` says it twice: ``data`` is the list of problems that users of
Feathers know, ``errors`` has the reason by the dotted name of the field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypedDict, cast

from marshmallow import ValidationError

from ..errors import BadRequest
from ..shapes import is_list, is_mapping

Path = tuple[str, ...]

MISSING: Final = "Missing data for required field."
UNKNOWN: Final = "Unknown field."
UNKNOWN_OPERATOR: Final = "Unknown operator."
OF_THE_WHOLE: Final = "_schema"


class Problem(TypedDict):
    """What clients of Feathers know from ajv.

    ``instancePath`` is a JSON pointer, to the object itself where a field is missing or unknown;
    ``schemaPath`` is one to the rule, were the schema written as JSON Schema.
    ``keyword`` is ``required``, ``additionalProperties`` or ``validate``; ``params`` names the field
    of the first two as ``missingProperty`` and ``additionalProperty``.
    """

    instancePath: str
    schemaPath: str
    keyword: str
    params: dict[str, Any]
    message: str


def invalid(field: str, reason: str) -> BadRequest:
    """The error for one field that a rule of own code refuses."""
    return validation_failed({(field,): reason})


def validation_failed(reasons: Mapping[Path, str]) -> BadRequest:
    error = BadRequest("validation failed", [_problem(path, reason) for path, reason in reasons.items()])
    error.errors = {".".join(path) or "data": reason for path, reason in reasons.items()}
    return error


def reasons_of(error: ValidationError, path: Path = ()) -> dict[Path, str]:
    """Marshmallow's nested messages by the path of the field, which lies under ``path``."""
    messages = cast("Any", error.messages)  # pyright: ignore[reportUnknownMemberType]
    reasons: dict[Path, str] = {}
    for place, reason in _flat(messages, path):
        reasons[place] = f"{reasons[place]} {reason}" if place in reasons else reason
    return reasons


def _problem(path: Path, reason: str) -> Problem:
    if path and reason in {UNKNOWN, UNKNOWN_OPERATOR}:
        return _of(path[:-1], "additionalProperties", {"additionalProperty": path[-1]}, reason)
    if path and reason == MISSING:
        return _of(path[:-1], "required", {"missingProperty": path[-1]}, reason)
    return _of(path, "validate", {}, reason)


def _of(path: Sequence[str], keyword: str, params: dict[str, Any], reason: str) -> Problem:
    segments = [name.replace("~", "~0").replace("/", "~1") for name in path if name != OF_THE_WHOLE]
    pointer = "".join(f"/{segment}" for segment in segments)
    rules = "".join("/items" if segment.isdecimal() else f"/properties/{segment}" for segment in segments)
    return {
        "instancePath": pointer,
        "schemaPath": f"#{rules}/{keyword}",
        "keyword": keyword,
        "params": params,
        "message": reason,
    }


def _flat(messages: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if is_mapping(messages):
        for name, nested in messages.items():
            yield from _flat(nested, (*path, str(name)))
    elif is_list(messages):
        for nested in messages:
            yield from _flat(nested, path)
    else:
        yield path, str(messages)
