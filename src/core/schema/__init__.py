"""Validation at the edge with marshmallow, and resolvers: what becomes of single fields."""

from __future__ import annotations

from .batch import Batched, batched
from .dispatch import Dispatched, dispatch_of, resolve_dispatch, resolve_external
from .fields import Id, choice, count, field_types, moment, text
from .problems import Problem, invalid
from .resolver import Resolver, ResolverStatus, resolve, virtual
from .resolving import resolve_data, resolve_query, resolve_result
from .syntax import QuerySyntax, query_syntax
from .validate import DataCheck, QueryCheck, checked, validate_data, validate_query

__all__ = [
    "Batched",
    "DataCheck",
    "Dispatched",
    "Id",
    "Problem",
    "QueryCheck",
    "QuerySyntax",
    "Resolver",
    "ResolverStatus",
    "batched",
    "checked",
    "choice",
    "count",
    "dispatch_of",
    "field_types",
    "invalid",
    "moment",
    "query_syntax",
    "resolve",
    "resolve_data",
    "resolve_dispatch",
    "resolve_external",
    "resolve_query",
    "resolve_result",
    "text",
    "validate_data",
    "validate_query",
    "virtual",
]
