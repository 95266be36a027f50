"""Marshmallow's schemas as JSON schemas, which both documents share."""

from __future__ import annotations

from copy import copy
from typing import Any, Final, cast

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema

from ..context import STANDARD_METHODS
from ..errors import FeathersError
from ..query import MAX_LIST
from ..schema import Id
from ..service import Service
from .services import (
    data_check,
    has_cursors,
    id_field,
    is_paginated,
    query_syntax_of,
    schemas_of,
    takes_many,
)

JsonSchema = dict[str, Any]

ANYTHING: Final[JsonSchema] = {}
COUNT: Final[JsonSchema] = {"type": "integer", "minimum": 0}
CURSOR: Final[JsonSchema] = {"type": "string", "description": "The `next` of the page before."}
ORDERED: Final = ("$lt", "$lte", "$gt", "$gte")
LISTED: Final = ("$in", "$nin")
ERROR: Final[JsonSchema] = {
    "type": "object",
    "description": "Every failure, over REST and over sockets.",
    "required": ["name", "message", "code", "className"],
    "properties": {
        "name": {"type": "string", "enum": sorted({kind.name for kind in FeathersError.__subclasses__()})},
        "message": {"type": "string"},
        "code": {"type": "integer", "minimum": 400, "maximum": 599},
        "className": {"type": "string"},
        "data": {"description": "What a program can use of the failure."},
        "errors": {"description": "The fields at fault, each with the reason.", "type": "object"},
    },
}
PAGE: Final[JsonSchema] = {
    "type": "object",
    "description": "A page of records; `total` counts all that match.",
    "required": ["total", "limit", "skip", "data"],
    "properties": {
        "total": COUNT,
        "limit": COUNT,
        "skip": COUNT,
        "data": {"type": "array"},
        "next": {
            "type": ["string", "null"],
            "description": "With cursors only: the `$after` of the next page.",
        },
    },
}


def reference(name: str) -> JsonSchema:
    return {"$ref": f"#/components/schemas/{name}"}


class Schemas:
    """The named schemas of a document; each asks for a name once, by the class of the schema.

    ``patch`` and its like check against the same schema with nothing required: that is another name.
    """

    def __init__(self, title: str, version: str) -> None:
        # apispec's own annotations stop at plain dicts.
        plugin: Any = MarshmallowPlugin(schema_name_resolver=self._free_name)
        self.spec: Any = APISpec(title=title, version=version, openapi_version="3.1.0", plugins=[plugin])
        plugin.map_to_openapi_type(Id, "string", None)
        self._converter = plugin.converter
        self._converter.add_attribute_function(_id_format)
        self._queries: dict[tuple[type[Schema], bool], str] = {}
        self._conditions: dict[str, str] = {}  # the name of the conditions within each query
        self._add("FeathersError", ERROR)
        self._add("Page", PAGE)

    def as_json(self) -> dict[str, JsonSchema]:
        return cast("dict[str, JsonSchema]", self.spec.to_dict()["components"]["schemas"])

    def of(self, schema: Schema) -> JsonSchema:
        """A reference to the schema, which is added to the document where it is not in it yet."""
        return cast("JsonSchema", self._converter.resolve_nested_schema(schema))

    def resolved(self, schema: JsonSchema) -> JsonSchema:
        """What a reference stands for."""
        return self._named(schema)

    def data(self, service: Service, method: str) -> JsonSchema:
        """What a client sends; fields that the schema does not have are refused."""
        check = data_check(service, method)
        if check is None:
            return {"type": "object"}
        schema = check.schema
        if check.partial:
            schema = copy(schema)
            schema.partial = True
        one = self.of(schema)
        return {"anyOf": [one, {"type": "array", "items": one}]} if check.many else one

    def result(self, service: Service) -> JsonSchema:
        """One record, as clients see it."""
        schema = schemas_of(service).get("result")
        if schema is None:
            return ANYTHING
        one = self.of(schema)
        named = self._named(one)
        for part in named["properties"].values():
            part.pop("readOnly", None)
        identifier = id_field(service)
        if identifier in named["properties"] and identifier not in named.get("required", []):
            named.setdefault("required", []).append(identifier)
        return one

    def outcome(self, service: Service, method: str) -> JsonSchema:
        """What a method answers with."""
        if method not in STANDARD_METHODS or method in schemas_of(service):
            return self.answer(service, method)
        record = self.result(service)
        records = {"type": "array", "items": record}
        if method != "find":
            return {"anyOf": [record, records]} if takes_many(service, method) else record
        if not is_paginated(service):
            return records
        return {"allOf": [reference("Page"), {"properties": {"data": records}}]}

    def answer(self, service: Service, name: str) -> JsonSchema:
        """What a custom method answers with, or a custom event carries."""
        schema = schemas_of(service).get(name)
        return ANYTHING if schema is None else self.of(schema)

    def query(self, service: Service, method: str) -> JsonSchema:
        """A query as sockets send it: an object of filters, fields and their operators."""
        syntax = query_syntax_of(service, method)
        if syntax is None:
            return {"type": "object"}
        kind, cursors = type(syntax.schema), has_cursors(service)
        if (kind, cursors) not in self._queries:
            base = kind.__name__.removesuffix("Query")
            conditions, name = self._free(base + "Conditions"), self._free(base + "Query")
            fields = self._converter.schema2jsonschema(syntax.schema)["properties"]
            operators = {
                field: {
                    operator: self._converter.field2property(operand) for operator, operand in own.items()
                }
                for field, own in syntax.operators.items()
            }
            self._add(conditions, _conditions(fields, operators, reference(conditions)))
            self._add(name, _query(fields, reference(conditions), cursors=cursors))
            self._queries[kind, cursors] = name
            self._conditions[name] = conditions
        return reference(self._queries[kind, cursors])

    def query_properties(self, service: Service, method: str) -> JsonSchema:
        """The parts of a query by name, none of them a reference; empty where the query is free."""
        if query_syntax_of(service, method) is None:
            return {}
        named = self.spec.components.schemas
        name = self.query(service, method)["$ref"].rpartition("/")[2]
        return {**named[name]["properties"], **named[self._conditions[name]]["properties"]}

    def _add(self, name: str, schema: JsonSchema) -> None:
        self.spec.components.schema(name, schema)

    def _named(self, schema: JsonSchema) -> JsonSchema:
        return cast("JsonSchema", self.spec.components.schemas[schema["$ref"].rpartition("/")[2]])

    def _free_name(self, schema: Schema | type[Schema]) -> str:
        kind = schema if isinstance(schema, type) else type(schema)
        name = kind.__name__
        required = any(field.required for field in cast("Any", kind)._declared_fields.values())  # noqa: SLF001
        if required and isinstance(schema, Schema) and schema.partial:
            name += "Changes"
        return self._free(name)

    def _free(self, name: str) -> str:
        taken = sum(used.rstrip("0123456789") == name for used in self.spec.components.schemas)
        return f"{name}{taken + 1}" if taken else name


def _conditions(fields: JsonSchema, operators: JsonSchema, itself: JsonSchema) -> JsonSchema:
    """``fields`` are those of a query schema: one that is only read may be selected and no more."""
    some = {"type": "array", "minItems": 1, "items": itself}
    asked = {name: condition(fields[name], operators.get(name, {})) for name in _asked(fields)}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {"$or": some, "$and": some, **asked},
    }


def _query(fields: JsonSchema, conditions: JsonSchema, *, cursors: bool) -> JsonSchema:
    """Filters and conditions; only the conditions can be nested."""
    asked = _asked(fields)
    shown = [name for name, part in fields.items() if not part.get("writeOnly")]
    order = {name: {"type": "integer", "enum": [1, -1]} for name in asked}
    within = f"{conditions['$ref']}/properties"
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "$limit": COUNT,
            "$skip": COUNT,
            "$sort": {"type": "object", "additionalProperties": False, "properties": order},
            "$select": {"type": "array", "items": {"type": "string", "enum": shown}},
            **({"$after": CURSOR} if cursors else {}),
            **{name: {"$ref": f"{within}/{name}"} for name in ("$or", "$and", *asked)},
        },
    }


def _asked(fields: JsonSchema) -> list[str]:
    return [name for name, part in fields.items() if not part.get("writeOnly") and not part.get("readOnly")]


def condition(value: JsonSchema, more: JsonSchema) -> JsonSchema:
    """A value of a field, or an object of operators; ``more`` are its own ones."""
    nothing: JsonSchema = {"type": "null"}
    listed = {"type": "array", "maxItems": MAX_LIST, "items": {"anyOf": [value, nothing]}}
    operators = {
        "$ne": {"anyOf": [value, nothing]},
        **dict.fromkeys(ORDERED, value),
        **dict.fromkeys(LISTED, listed),
        **more,
    }
    return {
        "anyOf": [
            value,
            nothing,
            {"type": "object", "additionalProperties": False, "properties": operators},
        ]
    }


def _id_format(_: OpenAPIConverter, field: Any, **__: Any) -> JsonSchema:
    return {"pattern": "^[0-9a-fA-F]{24}$"} if isinstance(field, Id) else {}
