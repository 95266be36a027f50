"""What a service's registration and its hooks tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from marshmallow import Schema

from ..adapters.base import AdapterBase
from ..application import Application
from ..context import METHODS_WITHOUT_DATA, STANDARD_METHODS
from ..hooks import HookFunction
from ..schema import DataCheck, QueryCheck, QuerySyntax
from ..service import Service


def custom_methods(service: Service) -> list[str]:
    return [name for name in service.methods if name not in STANDARD_METHODS]


def data_check(service: Service, method: str) -> DataCheck | None:
    if method in METHODS_WITHOUT_DATA:
        return None
    return next((hook for hook in _hooks(service, method) if isinstance(hook, DataCheck)), None)


def query_syntax_of(service: Service, method: str) -> QuerySyntax | None:
    """What the method's query is checked against; None where it is free or there is none."""
    return next((hook.syntax for hook in _hooks(service, method) if isinstance(hook, QueryCheck)), None)


def schemas_of(service: Service) -> Mapping[str, Schema]:
    return cast("Mapping[str, Schema]", service.options.get("schemas", {}))


def additions(service: Service, method: str) -> Mapping[str, Any]:
    described = cast("Mapping[str, Mapping[str, Any]]", service.options.get("openapi", {}))
    return described.get(method, {})


def data_schema(app: Application, path: str, method: str) -> Schema:
    """The schema that a method's data is checked against. Raises LookupError where there is none."""
    check = data_check(app.service(path), method)
    if check is None:
        raise LookupError(f"the data of '{path}' {method} is not checked against a schema")
    return check.schema


def result_schema(app: Application, path: str) -> Schema:
    """The schema of a service's records. Raises LookupError where it says none."""
    schema = schemas_of(app.service(path)).get("result")
    if schema is None:
        raise LookupError(f"'{path}' does not say what its records are")
    return schema


def id_field(service: Service) -> str | None:
    wrapped = service.wrapped
    return wrapped.options.id if isinstance(wrapped, AdapterBase) else None


def is_paginated(service: Service) -> bool:
    wrapped = service.wrapped
    if not isinstance(wrapped, AdapterBase):
        return bool(service.options.get("paginated"))
    return wrapped.options.paginate.default is not None


def has_cursors(service: Service) -> bool:
    wrapped = service.wrapped
    return isinstance(wrapped, AdapterBase) and bool(wrapped.options.paginate.keyset)


def takes_many(service: Service, method: str) -> bool:
    """Whether a client may leave the id out. What is no adapter decides that by itself."""
    wrapped = service.wrapped
    return not isinstance(wrapped, AdapterBase) or method in wrapped.options.multi


def _hooks(service: Service, method: str) -> list[HookFunction]:
    return [
        hook
        for store in service.hook_stores()
        for kind in ("around", "before")
        for name in ("all", method)
        for hook in store.of(kind, name)
    ]
