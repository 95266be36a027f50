"""Once: the same message sent again is the same message.

A client names what it creates with a key, in the field ``idempotencyKey`` or, over REST, in the
header ``Idempotency-Key``. A repeat by the same owner with the same content is answered with the
first record and ``duplicate: true``; one with other content is refused with 422.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from ..core.context import HookContext
from ..core.encoding import encode
from ..core.errors import Conflict, Unprocessable
from ..core.schema import invalid
from ..core.shapes import is_mapping
from .records import first
from .repeats import answered

HEADER = "idempotency-key"
KEY = "idempotencyKey"
FINGERPRINT = "fingerprint"

IDEMPOTENT: Final[Mapping[str, Any]] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": f"The same as the field {KEY}.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 128},
        }
    ],
    "responses": {
        "200": {"description": "A repeat: what the first call made, with `duplicate: true`."},
        "422": {"description": "The key was used for other content."},
    },
}
"""What it adds to the description of a method."""


class Idempotency:
    """Hooks: ``read_header`` before validation, ``mark`` after it, ``answer_race`` on error.

    ``answer_repeat``, anywhere behind ``mark``, looks for the earlier record before there is a conflict.
    ``owner`` is the field that, with the key, is unique (index ``index``); the record keeps a digest of what
    was sent in ``fingerprint``.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.index = f"{owner}_{KEY}"

    def read_header(self, context: HookContext) -> None:
        key = context.params.headers.get(HEADER)
        if context.params.provider != "rest" or key is None or not is_mapping(context.data):
            return
        if context.data.get(KEY, key) != key:
            reason = "the field and the header Idempotency-Key differ"
            raise invalid(KEY, reason)
        context.data = {**context.data, KEY: key}

    def mark(self, context: HookContext) -> None:
        if context.data.get(KEY) is not None:
            context.data[FINGERPRINT] = _digest(context.data)

    async def answer_repeat(self, context: HookContext) -> None:
        if is_mapping(context.data) and FINGERPRINT in context.data:
            await self._answer(context)

    async def answer_race(self, context: HookContext) -> None:
        """Two of the same arrived at once: the second finds the first stored."""
        error = context.error
        data: Any = error.data if isinstance(error, Conflict) else None
        if is_mapping(data) and data.get("index") == self.index:
            await self._answer(context)

    async def _answer(self, context: HookContext) -> None:
        query = {self.owner: context.data[self.owner], KEY: context.data[KEY]}
        earlier = await first(context, context.path, query)
        if earlier is None:
            return
        if earlier.get(FINGERPRINT) != context.data[FINGERPRINT]:
            raise Unprocessable(
                "The idempotency key was used for other content", {"errors": {KEY: "used for other content"}}
            )
        answered(context, {**earlier, "duplicate": True})


def _digest(data: dict[str, Any]) -> str:
    """What is null or an empty list says as much as what is left out."""
    said = {name: value for name, value in data.items() if value is not None and value != []}
    parts = sorted((name, encode(said[name]).decode()) for name in said.keys() - {FINGERPRINT})
    return hashlib.sha256(encode(parts)).hexdigest()
