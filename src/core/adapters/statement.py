"""The options of ``params["mongodb"]``, for those statements of the driver that take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from ..context import Params

Statement = Literal[
    "find",
    "count",
    "estimate",
    "aggregate",
    "insert",
    "modify",
    "replace",
    "delete",
    "update_many",
    "delete_many",
]

READING: Final = {"session": "session", "comment": "comment", "hint": "hint", "collation": "collation"}
COMMAND: Final = {**READING, "let": "let", "max_time_ms": "maxTimeMS"}
WRITING: Final = {**READING, "let": "let"}
UNCHECKED: Final = {"bypass_document_validation": "bypass_document_validation"}

TAKEN: Final[Mapping[Statement, Mapping[str, str]]] = {
    "find": {
        **WRITING,
        "max_time_ms": "max_time_ms",
        "allow_disk_use": "allow_disk_use",
        "batch_size": "batch_size",
    },
    "count": {**READING, "max_time_ms": "maxTimeMS"},
    "estimate": {"comment": "comment", "max_time_ms": "maxTimeMS"},
    "aggregate": {**COMMAND, "allow_disk_use": "allowDiskUse", "batch_size": "batchSize"},
    "insert": {"session": "session", "comment": "comment", **UNCHECKED},
    "modify": {
        **COMMAND,
        "upsert": "upsert",
        "array_filters": "array_filters",
        "bypass_document_validation": "bypassDocumentValidation",
    },
    "replace": {**COMMAND, "upsert": "upsert", "bypass_document_validation": "bypassDocumentValidation"},
    "delete": COMMAND,
    "update_many": {**WRITING, **UNCHECKED, "array_filters": "array_filters"},
    "delete_many": WRITING,
}
"""``{statement: {option: the name that the driver has for it there}}``."""

KNOWN: Final = frozenset(option for taken in TAKEN.values() for option in taken)


def statement_options(statement: Statement, params: Params) -> dict[str, Any]:
    """The arguments for one statement of a call; ``params["session"]`` is among them.

    One call may take several statements, so an option that this one lacks is left out. Raises TypeError
    for one that none of them has.
    """
    session, given = params.get("session"), params.get("mongodb")
    if not given:
        return {} if session is None or statement == "estimate" else {"session": session}
    if unknown := given.keys() - KNOWN:
        raise TypeError(f"params['mongodb'] has no option {min(unknown)!r}")
    if session is not None:
        given = {**given, "session": session}
    return {name: given[option] for option, name in TAKEN[statement].items() if option in given}


def session_of(params: Params) -> Any:
    given: Mapping[str, Any] = params.get("mongodb") or {}
    return params.get("session") or given.get("session")
