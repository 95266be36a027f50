"""What an adapter can be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypedDict

from bson import ObjectId

from ..coercion import Coercer, coercer_for
from ..context import Params
from ..pagination import PaginationOptions
from ..query import Filter

HARD_LIMIT: Final = 10_000
DISABLED_OPERATORS: Final = frozenset({"$rename"})

UNPAGINATED: Final = PaginationOptions()


class OptionArguments(TypedDict, total=False):
    """The keywords of an adapter; ``AdapterOptions`` says what they mean."""

    id: str
    paginate: PaginationOptions | Mapping[str, Any] | bool | None
    multi: bool | Iterable[str]
    filters: Mapping[str, Filter]
    operators: Iterable[str]
    disabled_operators: Iterable[str]
    fields: Mapping[str, Coercer | type[Any]]
    tenant: str | None
    hard_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterOptions:
    """What one adapter does, in general or in one call.

    ::

        id                  the name of the id field
        paginate            how ``find`` pages
        multi               the methods that may be called for many records: of create, patch and remove
        filters             ``$`` names added to the top level of queries
        operators           ``$`` names added to what conditions may use
        disabled_operators  update operators that own code may not patch with either
        fields              known fields by dotted name, and their type or coercer for values of queries
        tenant              the field that says whose a record is: every call is confined to
                            ``params["tenant"]``
        hard_limit          the most records that any call finds, whatever the pagination
    """

    id: str = "_id"
    paginate: PaginationOptions = UNPAGINATED
    multi: frozenset[str] = frozenset()
    filters: Mapping[str, Filter] = field(default_factory=dict[str, Filter])
    operators: frozenset[str] = frozenset()
    disabled_operators: frozenset[str] = DISABLED_OPERATORS
    fields: Mapping[str, Coercer] = field(default_factory=dict[str, Coercer])
    tenant: str | None = None
    hard_limit: int = HARD_LIMIT

    @classmethod
    def of(cls, arguments: OptionArguments) -> AdapterOptions:
        return cls(**_normal(arguments))

    def for_call(self, params: Params) -> AdapterOptions:
        """With the overrides of one call, ``params["adapter"]``. See ``pagination`` for the paging."""
        arguments: OptionArguments | None = params.get("adapter")
        return replace(self, **_normal(arguments)) if arguments else self

    def pagination(self, params: Params) -> PaginationOptions:
        """Of one call: that of ``params["adapter"]``, else ``params["paginate"]``, else the adapter's."""
        arguments: OptionArguments | None = params.get("adapter")
        if arguments and "paginate" in arguments:
            return PaginationOptions.of(arguments["paginate"])
        return PaginationOptions.of(params["paginate"]) if "paginate" in params else self.paginate

    def limit(self, requested: int | None, pagination: PaginationOptions) -> int:
        """How many records a ``find`` returns at most, for a valid ``$limit`` or None."""
        wanted = pagination.limit(requested)
        return self.hard_limit if wanted is None else min(wanted, self.hard_limit)


MULTI_METHODS: Final = frozenset({"create", "patch", "remove"})


def _normal(arguments: OptionArguments) -> dict[str, Any]:
    normal: dict[str, Any] = {**arguments}
    if "paginate" in arguments:
        normal["paginate"] = PaginationOptions.of(arguments["paginate"])
    if "multi" in arguments:
        multi = arguments["multi"]
        normal["multi"] = (
            (MULTI_METHODS if multi else frozenset()) if isinstance(multi, bool) else frozenset(multi)
        )
    if "operators" in arguments:
        normal["operators"] = frozenset(arguments["operators"])
    if "disabled_operators" in arguments:
        normal["disabled_operators"] = frozenset(arguments["disabled_operators"])
    if "fields" in arguments:
        normal["fields"] = {name: _coercer_for(kind) for name, kind in arguments["fields"].items()}
    return normal


def to_object_id(value: Any) -> ObjectId:
    if isinstance(value, ObjectId):
        return value
    if isinstance(value, str) and ObjectId.is_valid(value):
        return ObjectId(value)
    raise ValueError("not an object id")


def _coercer_for(kind: Coercer | type[Any]) -> Coercer:
    return to_object_id if kind is ObjectId else coercer_for(kind)
