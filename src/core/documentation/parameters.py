"""Parameters of a query as ``qs`` writes it: ``$sort[name]=1``, ``age[$gt]=5``."""

from __future__ import annotations

from typing import Any

from ..service import Service
from .schemas import COUNT, CURSOR, JsonSchema, Schemas
from .services import has_cursors

Parameter = dict[str, Any]


def find_parameters(service: Service, schemas: Schemas) -> list[Parameter]:
    """Filters, and one parameter for each field: a value, or an object of operators.

    Where nothing checks the query, any parameter may be a field.
    """
    properties = schemas.query_properties(service, "find")
    sort: JsonSchema = properties.get("$sort", {"type": "object"})
    filters = [
        _parameter("$limit", COUNT, "How many records at most"),
        _parameter("$skip", COUNT, "How many records to leave out at the start"),
        _parameter("$sort", sort, "Fields to sort by: 1 upwards, -1 downwards", style="deepObject"),
        *select_parameter(service, schemas),
    ]
    if has_cursors(service):
        filters.append(_parameter("$after", CURSOR, "The page after the one whose `next` this is"))
    if not properties:
        free = {"type": "object", "additionalProperties": {"type": "string"}}
        return [*filters, _parameter("conditions", free, "Any field's value")]
    fields = [(name, part) for name, part in properties.items() if not name.startswith("$")]
    return [
        *filters,
        *(_parameter(name, _over_rest(part), style="deepObject") for name, part in fields),
    ]


def select_parameter(service: Service, schemas: Schemas) -> list[Parameter]:
    properties = schemas.query_properties(service, "find")
    fields = properties.get("$select", {"type": "array", "items": {"type": "string"}})
    return [_parameter("$select", fields, "The fields to answer with")]


def _over_rest(condition: JsonSchema) -> JsonSchema:
    """A query string has no null: an empty value stands for it."""
    return {"anyOf": [way for way in condition["anyOf"] if way != {"type": "null"}]}


def _parameter(
    name: str, schema: JsonSchema, description: str | None = None, *, style: str = "form"
) -> Parameter:
    parameter: Parameter = {"name": name, "in": "query", "style": style, "explode": True, "schema": schema}
    return parameter if description is None else {**parameter, "description": description}
