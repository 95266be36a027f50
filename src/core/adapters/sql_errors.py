"""The errors of PostgreSQL and its drivers, as callers of a service may see them."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import structlog
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    TimeoutError as PoolTimeout,
)

from ..errors import BadRequest, Conflict, FeathersError, GeneralError, PayloadTooLarge, Timeout, Unavailable

log = structlog.stdlib.get_logger(__name__)

NOT_NULL: Final = "23502"
FOREIGN_KEY: Final = "23503"
UNIQUE: Final = "23505"
CANCELED: Final = "57014"
CLASHES: Final = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the transaction may succeed when it is run again."""

BAD_VALUES: Final = ("21", "22", "23")
TOO_LARGE: Final = "54"
AWAY: Final = ("08", "57P", "53300")

KEY: Final = re.compile(r"\((.+?)\)=\(")
"""``Key ("schoolId", name)=(1, Ann) already exists``: the columns, in whatever language the rest is."""


@contextmanager
def sql_errors(
    names: Mapping[str, str], *, tenant: str | None = None, joined: bool = False
) -> Generator[None]:
    """Raise Feathers errors in place of the driver's; ``names`` are the fields of the columns.

    A unique value that exists is a Conflict, what cannot be stored or referred to a BadRequest, a server
    that is away Unavailable; the rest is logged and becomes a GeneralError with ``{name, code}`` as its
    data and nothing of its text. A clash with another transaction stays what it is for who has ``joined``
    one, which is run again, and is Unavailable to others.
    """
    try:
        yield
    except DBAPIError as error:
        if joined and state_of(error) in CLASHES:
            raise
        raise _translated(error, names, tenant) from error
    except (PoolTimeout, OSError) as error:
        raise _away(error) from error
    except SQLAlchemyError as error:
        log.exception("database error")
        raise GeneralError("The database failed", {"name": type(error).__name__, "code": None}) from error


def state_of(error: DBAPIError) -> str:
    """The SQLSTATE, or nothing where the server said none."""
    return str(_said(error, "sqlstate") or "")


def _translated(  # noqa: PLR0911 - one for each kind
    error: DBAPIError, names: Mapping[str, str], tenant: str | None
) -> FeathersError:
    state = state_of(error)
    if state == UNIQUE:
        return _conflict(error, names, tenant)
    if state in CLASHES:
        return Unavailable("The records are too busy, try again")
    if state == CANCELED:
        return Timeout("The database took too long")
    if state.startswith(TOO_LARGE):
        return PayloadTooLarge("The data is too large for one record")
    if state.startswith(BAD_VALUES):
        return _bad_value(error, state, names)
    if error.connection_invalidated or state.startswith(AWAY):
        return _away(error)
    if not state and isinstance(error, InterfaceError | OperationalError):
        return _away(error)
    log.error("database error", exc_info=error)
    return GeneralError("The database failed", {"name": type(error).__name__, "code": state or None})


def _conflict(error: DBAPIError, names: Mapping[str, str], tenant: str | None) -> Conflict:
    fields = _fields(error, names)
    named = [field for field in fields if field != tenant] or fields
    return Conflict(
        "A record with this value exists",
        {"index": _said(error, "constraint_name"), "errors": dict.fromkeys(named, "already exists")},
    )


def _bad_value(error: DBAPIError, state: str, names: Mapping[str, str]) -> BadRequest:
    if state == NOT_NULL:
        column = str(_said(error, "column_name"))
        return BadRequest("A value is missing", {"errors": {names.get(column, column): "is required"}})
    if state == FOREIGN_KEY:
        fields = _fields(error, names)
        return BadRequest(
            "A record refers to one that is not there", {"errors": dict.fromkeys(fields, "refers to nothing")}
        )
    return BadRequest("A value cannot be stored", {"index": _said(error, "constraint_name")})


def _away(error: Exception) -> Unavailable:
    # Every call fails while the server is away: one line each is enough.
    log.error("the database is not available", reason=str(error).partition("\n")[0])
    return Unavailable("The database is not available")


def _fields(error: DBAPIError, names: Mapping[str, str]) -> list[str]:
    found = KEY.search(str(_said(error, "detail") or _said(error, "message_detail") or ""))
    columns = [column.strip().strip('"') for column in found[1].split(",")] if found else []
    return [names.get(column, column) for column in columns]


def _said(error: DBAPIError, what: str) -> Any:
    """What the server said of the error: asyncpg has it on the error itself, psycopg in its ``diag``."""
    origin = error.orig
    for source in (origin, origin and origin.__cause__, getattr(origin, "diag", None)):
        if (value := getattr(source, what, None)) is not None:
            return value
    return None
