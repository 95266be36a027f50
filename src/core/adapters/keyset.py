"""Keyset paging: a place in the order of a query's records, as a text that a client can hand back."""

from __future__ import annotations

import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import blake2b
from hmac import compare_digest
from typing import Any, Final
from uuid import UUID

from bson import Binary, Decimal128, ObjectId
from bson.errors import BSONError

from ..errors import BadRequest
from ..ordering import EMPTY, sort_value
from ..shapes import is_list, is_mapping

MAX_CURSOR: Final = 16_384
DIGEST_BYTES: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyset:
    """The order of one query's pages, which ends with the id and so has no two equal places.

    ``scope`` says what else a cursor belongs to. Cursors hold the record's values of ``order``: who has
    one can read them. Without a ``secret`` their digest finds damage and cursors of another query; only
    with one it finds what somebody made up, which could ask for any place but for nobody else's records.
    """

    order: Mapping[str, int]
    scope: Sequence[str]
    secret: str = ""

    def cursor(self, record: Mapping[str, Any]) -> str:
        """For the place of ``record``. Raises BadRequest where its values cannot be written down."""
        return self.cursor_at([sort_value(record, path, direction) for path, direction in self.order.items()])

    def cursor_at(self, values: Sequence[Any]) -> str:
        """For the place with these values, as ``cursor``."""
        for path, value in zip(self.order, values, strict=True):
            if is_list(value) or (isinstance(value, float) and math.isnan(value)):
                raise _unpageable(path)
        try:
            content = json.dumps([_tagged(value) for value in values], separators=(",", ":")).encode()
        except TypeError as error:
            raise _unpageable(", ".join(self.order)) from error
        cursor = urlsafe_b64encode(self._digest(content) + content).decode().rstrip("=")
        if len(cursor) > MAX_CURSOR:
            raise _unpageable(", ".join(self.order))
        return cursor

    def values(self, cursor: str) -> list[Any]:
        """The values of the place. Raises BadRequest for a cursor that this order has not made."""
        try:
            sealed = urlsafe_b64decode(cursor[:MAX_CURSOR] + "=" * (-len(cursor) % 4))
            digest, content = sealed[:DIGEST_BYTES], sealed[DIGEST_BYTES:]
            if not compare_digest(digest, self._digest(content)):
                raise ValueError("another's, or damaged")  # noqa: TRY301 - one refusal for all of them
            values = [_untagged(value) for value in json.loads(content)]
            if len(values) != len(self.order):
                raise ValueError("of another order")  # noqa: TRY301
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, BSONError):
            raise bad_cursor() from None
        return values

    def _digest(self, content: bytes) -> bytes:
        scope = json.dumps([list(self.scope), list(self.order.items())]).encode()
        key = blake2b(self.secret.encode()).digest()
        return blake2b(scope + b"\0" + content, key=key, digest_size=DIGEST_BYTES).digest()


def bad_cursor() -> BadRequest:
    return BadRequest("Invalid $after", {"errors": {"$after": "is not a cursor of this query"}})


def _unpageable(path: str) -> BadRequest:
    return BadRequest(
        f"Records cannot be paged in the order of '{path}'",
        {"errors": {"$sort": f"{path} has no plain value"}},
    )


def _tagged(value: Any) -> Any:  # noqa: PLR0911 - one for each type
    """As JSON, with ``{tag: text}`` for what JSON does not have. Raises TypeError for other types."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return {"t": value.isoformat()}
        case date():
            return {"y": value.isoformat()}
        case ObjectId():
            return {"o": str(value)}
        case UUID():
            return {"u": str(value)}
        case Decimal():
            return {"d": str(value)}
        case Decimal128():
            return {"n": str(value)}
        case Binary():
            return {"x": [value.subtype, value.hex()]}
        case bytes():
            return {"b": value.hex()}
        case _:
            return _tagged_inner(value)


def _tagged_inner(value: Any) -> Any:
    if value is EMPTY:
        return {"e": 0}
    if is_list(value):
        return [_tagged(element) for element in value]
    if is_mapping(value):
        return {"m": [[key, _tagged(inner)] for key, inner in value.items()]}
    raise TypeError(f"no place in an order for {type(value).__name__}")


def _moment(text: str) -> datetime:
    """Raises OverflowError for what is no time in UTC, which is how times are stored."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is None else moment.astimezone(UTC)


READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "t": _moment,
    "y": date.fromisoformat,
    "o": ObjectId,
    "u": UUID,
    "d": Decimal,
    "n": Decimal128,
    "x": lambda pair: Binary(bytes.fromhex(pair[1]), pair[0]),
    "b": bytes.fromhex,
    "e": lambda _: EMPTY,
    "m": lambda pairs: {str(key): _untagged(inner) for key, inner in pairs},
}


def _untagged(value: Any) -> Any:
    if is_list(value):
        return [_untagged(element) for element in value]
    if not is_mapping(value):
        return value
    ((tag, text),) = value.items()
    return READERS[tag](text)
