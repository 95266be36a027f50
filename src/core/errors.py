"""The error classes of Feathers, as clients see them.

    FeathersError
     ├── BadRequest (400)        ├── Gone (410)
     ├── NotAuthenticated (401)  ├── LengthRequired (411)
     ├── PaymentError (402)      ├── PayloadTooLarge (413)
     ├── Forbidden (403)         ├── Unprocessable (422)
     ├── NotFound (404)          ├── TooManyRequests (429)
     ├── MethodNotAllowed (405)  ├── GeneralError (500)
     ├── NotAcceptable (406)     ├── NotImplemented (501)
     ├── Timeout (408)           ├── BadGateway (502)
     └── Conflict (409)          └── Unavailable (503)

JSON: ``{"name", "message", "code", "className"}``, with ``data`` and ``errors`` only when they
were given. Clients rebuild their class from ``name``. ``PayloadTooLarge`` is the one class that
Feathers does not have: it reaches clients as a plain error with these fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

ErrorData = Mapping[str, Any] | Sequence[Any]


class FeathersError(Exception):
    """An error with a code, which every transport passes on to the caller.

    ``message`` is a text, an exception or a mapping (its ``message`` is used, the rest becomes
    data). A key ``errors`` of ``data`` is lifted to the top level, as Feathers does.
    """

    type: ClassVar[str] = "FeathersError"
    name: ClassVar[str] = "GeneralError"
    code: ClassVar[int] = 500
    class_name: ClassVar[str] = "general-error"

    def __init_subclass__(cls, *, code: int, name: str | None = None) -> None:
        cls.name = name or cls.__name__
        cls.code = code
        cls.class_name = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.name).lower()

    def __init__(
        self, message: str | Exception | Mapping[str, Any] | None = None, data: ErrorData | None = None
    ) -> None:
        if isinstance(message, Mapping):
            rest = {key: value for key, value in message.items() if key != "message"}
            data = {**rest, **data} if isinstance(data, Mapping) else (data or rest or None)
            message = message.get("message")
        self.message = str(message) if message else "Error"
        self.errors: Any = None
        self.data: Any = data
        if isinstance(data, Mapping):
            self.data = {key: value for key, value in data.items() if key != "errors"}
            self.errors = data.get("errors")
        super().__init__(self.message)

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "name": self.name,
            "message": self.message,
            "code": self.code,
            "className": self.class_name,
        }
        if self.data is not None:
            body["data"] = self.data
        if self.errors is not None:
            body["errors"] = self.errors
        return body


class BadRequest(FeathersError, code=400):
    pass


class NotAuthenticated(FeathersError, code=401):
    pass


class PaymentError(FeathersError, code=402):
    pass


class Forbidden(FeathersError, code=403):
    pass


class NotFound(FeathersError, code=404):
    pass


class MethodNotAllowed(FeathersError, code=405):
    pass


class NotAcceptable(FeathersError, code=406):
    pass


class Timeout(FeathersError, code=408):
    pass


class Conflict(FeathersError, code=409):
    pass


class Gone(FeathersError, code=410):
    pass


class LengthRequired(FeathersError, code=411):
    pass


class PayloadTooLarge(FeathersError, code=413):
    pass


class Unprocessable(FeathersError, code=422):
    pass


class TooManyRequests(FeathersError, code=429):
    pass


class GeneralError(FeathersError, code=500):
    pass


class NotImplemented(FeathersError, code=501):  # noqa: A001 - the name that clients know
    pass


class BadGateway(FeathersError, code=502):
    pass


class Unavailable(FeathersError, code=503):
    pass


BY_CODE: Final = {kind.code: kind for kind in FeathersError.__subclasses__()}
BY_NAME: Final = {kind.name: kind for kind in FeathersError.__subclasses__()}
