"""The errors of the MongoDB driver, as callers of a service may see them."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import structlog
from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
)

from ..errors import BadRequest, Conflict, FeathersError, GeneralError, PayloadTooLarge, Timeout, Unavailable

log = structlog.stdlib.get_logger(__name__)

DUPLICATE_KEY: Final = 11000
RETRIED_BY_THE_DRIVER: Final = "TransientTransactionError"


@contextmanager
def driver_errors(*, tenant: str | None = None) -> Generator[None]:
    """Raise Feathers errors in place of the driver's.

    A duplicate key is a Conflict, what cannot be stored a BadRequest, a server that is away
    Unavailable; the rest is logged and becomes a GeneralError with ``{name, code}`` as its data, the
    driver's class and the server's number, and nothing of its text. An error after which the driver
    repeats a transaction stays what it is.
    """
    try:
        yield
    except DocumentTooLarge as error:
        raise PayloadTooLarge("The data is too large for one record") from error
    except (BSONError, OverflowError, UnicodeEncodeError) as error:
        raise BadRequest("A value cannot be stored") from error
    except PyMongoError as error:
        if error.has_error_label(RETRIED_BY_THE_DRIVER):
            raise
        raise _translated(error, tenant) from error


def _translated(error: PyMongoError, tenant: str | None) -> FeathersError:
    details = _details(error)
    if details.get("code") == DUPLICATE_KEY:
        return _conflict(details, tenant)
    if isinstance(error, ExecutionTimeout):
        return Timeout("The database took too long")
    if isinstance(error, ConnectionFailure):
        # Every call fails while the server is away: one line each is enough.
        log.error("the database is not available", reason=str(error).partition(",")[0])
        return Unavailable("The database is not available")
    log.error("database error", exc_info=error)
    return GeneralError("The database failed", {"name": type(error).__name__, "code": details.get("code")})


def _details(error: PyMongoError) -> Mapping[str, Any]:
    """What the server said of the write that failed."""
    details: Mapping[str, Any] = (error.details if isinstance(error, OperationFailure) else None) or {}
    if isinstance(error, BulkWriteError):
        return next(iter(details.get("writeErrors", [])), details)
    return details


def _conflict(details: Mapping[str, Any], tenant: str | None) -> Conflict:
    fields = list(details.get("keyPattern", {}))
    named = [field for field in fields if field != tenant] or fields
    index = re.search(r" index: (\S+)", str(details.get("errmsg", "")))
    return Conflict(
        "A record with this value exists",
        {"index": index[1] if index else None, "errors": dict.fromkeys(named, "already exists")},
    )
