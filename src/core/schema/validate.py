"""Hooks that check what comes in against a marshmallow schema.

A schema's field names are the wire's. What fails is a BadRequest ``validation failed`` whose
``errors`` name each field and the reason: ``{"email": "Not a valid email address."}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

from marshmallow import RAISE, Schema, ValidationError
from marshmallow.fields import Field

from ..context import HookContext
from ..errors import BadRequest, MethodNotAllowed
from ..shapes import is_list, is_mapping

LISTS: Final = frozenset({"$in", "$nin"})
VALUES: Final = frozenset({"$lt", "$lte", "$gt", "$gte", "$ne"})
BRANCHES: Final = frozenset({"$or", "$and"})
FILTERS: Final = frozenset({"$limit", "$skip", "$sort", "$select"})
MAX_DEPTH: Final = 8

Check = Callable[[HookContext], None]


def validate_data(schema: Schema, *, partial: bool = False, many: bool = False) -> Check:
    """Check the data of a method; the loaded values take its place.

    ``partial``: nothing is required and nothing gets a default, as in a patch. ``many``: a list is
    checked item by item, which is MethodNotAllowed otherwise.
    """

    def load(item: Any) -> dict[str, Any]:
        if not is_mapping(item):
            raise BadRequest("validation failed", {"errors": {"data": "must be an object"}})
        try:
            return cast("dict[str, Any]", schema.load(item, partial=partial, unknown=RAISE))
        except ValidationError as error:
            raise _bad_request(_messages(error)) from None

    def check(context: HookContext) -> None:
        data = context.data
        if not is_list(data):
            context.data = load(data)
        elif many:
            context.data = [load(item) for item in data]
        else:
            raise MethodNotAllowed(f"Can not {context.method} multiple entries")

    return check


def validate_query(schema: Schema) -> Check:
    """Check a client's query for known fields and operators; the values get the fields' types.

    A field marked ``dump_only`` may stand in ``$select`` only.
    """

    def check(context: HookContext) -> None:
        if context.params.provider:
            context.params.query = _branch(schema, context.params.query, MAX_DEPTH)

    return check


def _branch(schema: Schema, query: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth == 0:
        raise BadRequest("The query is nested too deeply")
    checked: dict[str, Any] = {}
    for name, value in query.items():
        if name in FILTERS:
            _check_names(schema, name, value)
            checked[name] = value
        elif name in BRANCHES:
            if not is_list(value) or not all(is_mapping(one) for one in value):
                raise BadRequest("validation failed", {"errors": {name: "must be a list of objects"}})
            checked[name] = [_branch(schema, one, depth - 1) for one in value]
        else:
            checked[name] = _condition(schema, name, value)
    return checked


def _condition(schema: Schema, name: str, value: Any) -> Any:
    if not _is_known(schema, name):
        raise BadRequest("validation failed", {"errors": {name: "unknown field"}})
    if not is_mapping(value):
        return _value(schema, name, value)
    checked: dict[str, Any] = {}
    for operator, operand in value.items():
        if operator in LISTS:
            if not is_list(operand):
                raise BadRequest("validation failed", {"errors": {f"{name}.{operator}": "must be a list"}})
            checked[operator] = [_value(schema, name, one) for one in operand]
        elif operator in VALUES:
            checked[operator] = _value(schema, name, operand)
        else:
            raise BadRequest(
                f"Invalid query parameter {operator}", {"errors": {name: f"unknown: {operator}"}}
            )
    return checked


def _value(schema: Schema, name: str, value: Any) -> Any:
    if value is None:
        return None
    try:
        return _fields(schema)[name].deserialize(value)  # pyright: ignore[reportUnknownMemberType]
    except ValidationError as error:
        raise _bad_request({name: _messages(error)}) from None


def _check_names(schema: Schema, filter_name: str, value: Any) -> None:
    names: list[Any] = []
    if filter_name == "$sort" and is_mapping(value):
        names = list(value)
    elif filter_name == "$select":
        names = value if is_list(value) else [value]
    for name in names:
        if not _is_known(schema, name, shown=filter_name == "$select"):
            raise BadRequest("validation failed", {"errors": {filter_name: f"unknown field {name}"}})


def _is_known(schema: Schema, name: Any, *, shown: bool = False) -> bool:
    """Whether a query may name the field.

    A field that is only loaded, a password, could be guessed by asking for it; one that is only
    dumped can be ``shown`` by ``$select`` and not asked for.
    """
    field = _fields(schema).get(name) if isinstance(name, str) else None
    return field is not None and not field.load_only and (shown or not field.dump_only)


def _bad_request(messages: Any) -> BadRequest:
    return BadRequest("validation failed", {"errors": dict(_flat(messages, ""))})


def _flat(messages: Any, path: str) -> Iterator[tuple[str, str]]:
    """Marshmallow's nested messages as ``(dotted field, reason)``."""
    if is_mapping(messages):
        for name, nested in messages.items():
            yield from _flat(nested, f"{path}.{name}" if path else str(name))
    elif is_list(messages) and messages and not isinstance(messages[0], str):
        for nested in messages:
            yield from _flat(nested, path)
    else:
        texts = cast("list[str]", messages) if is_list(messages) else [str(messages)]
        yield path or "data", " ".join(texts)


def _fields(schema: Schema) -> Mapping[str, Field[Any]]:
    return cast("Mapping[str, Field[Any]]", schema.fields)  # pyright: ignore[reportUnknownMemberType]


def _messages(error: ValidationError) -> Any:
    return cast("Any", error.messages)  # pyright: ignore[reportUnknownMemberType]
