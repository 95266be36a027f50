"""What both transports do with a call: check its outer shape, run it, tell the caller what failed."""

from __future__ import annotations

import json
from types import NoneType
from typing import Any, Protocol, cast

import structlog

from ..application import Application
from ..context import (
    METHODS_WITH_ID,
    METHODS_WITHOUT_DATA,
    STANDARD_METHODS,
    UNSET,
    HookContext,
    Params,
)
from ..errors import BadRequest, FeathersError, GeneralError
from ..service import Service
from ..shapes import is_list, is_mapping

logger = structlog.stdlib.get_logger(__name__)


class Authenticator(Protocol):
    """The part of the authentication service that transports need."""

    def parse(self, headers: dict[str, str]) -> dict[str, Any] | None:
        """The authentication that request headers carry, not verified yet."""
        ...

    async def create(self, data: dict[str, Any], params: Params) -> dict[str, Any]: ...


def authenticator(app: Application) -> Authenticator | None:
    service = app.default_authentication()
    return None if service is None else cast("Authenticator", service.wrapped)


def call_context(
    service: Service, method: str, params: Params, *, id: Any = UNSET, data: Any = UNSET
) -> HookContext:
    """The context of a client's call.

    Raises BadRequest where an argument is missing or has a shape that no service takes.
    """
    if method in METHODS_WITH_ID:
        if id is UNSET or (id is None and method == "get"):
            raise BadRequest(f"An id must be provided to the '{method}' method")
        if not isinstance(id, (str, int, NoneType)) or isinstance(id, bool):
            written = json.dumps(id, separators=(",", ":"))
            raise BadRequest(f"Invalid id '{written}'")
    if method not in METHODS_WITHOUT_DATA:
        if data is UNSET or data is None:
            if method in STANDARD_METHODS:
                raise BadRequest(f"A data object must be provided to the '{method}' method")
        elif method in STANDARD_METHODS and not (is_mapping(data) or is_list(data)):
            raise BadRequest(f"The data of '{method}' must be an object or a list of objects")
    given = id if method in METHODS_WITH_ID else None
    return HookContext(service, method, id=given, data=None if data is UNSET else data, params=params)


def public_error(error: Exception) -> FeathersError:
    """The error a client gets: a Feathers error as it is, a plain one without its text, which is logged."""
    if isinstance(error, FeathersError):
        return error
    logger.error("call failed", exc_info=error)
    return GeneralError("Internal server error")
