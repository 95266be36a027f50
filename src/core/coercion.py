"""Values of queries turned into the types that are stored: over REST every value arrives as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

Coercer = Callable[[Any], Any]
"""Turns a value of a query into one of the stored type. Raises ValueError or TypeError if it cannot."""

MAX_DIGITS: Final = 400
MAX_INTEGER: Final = 2**63 - 1


def coercer_for(kind: Coercer | type[Any]) -> Coercer:
    """The coercer of a plain type such as ``bool`` (which itself would take "false" for true)."""
    return COERCERS.get(kind, kind)


def to_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "1", 1):
        return True
    if value in ("false", "0", 0):
        return False
    raise ValueError("not a boolean")


def to_number(value: Any) -> int | float:
    """A whole number where it is one. An integer field may be compared with 2.5, so this serves both."""
    if isinstance(value, str) and len(value) <= MAX_DIGITS:
        value = float(value) if any(sign in value for sign in ".eE") else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise ValueError("not a number that can be stored")
    return int(value) if value == int(value) else value


def to_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError("not a text")


def to_datetime(value: Any) -> datetime:
    """From ISO 8601 text; without a zone it is taken as UTC."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(to_text(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


COERCERS: Final[Mapping[Any, Coercer]] = {
    bool: to_boolean,
    int: to_number,
    float: to_number,
    str: to_text,
    datetime: to_datetime,
}


def parse_integer(value: Any) -> int | None:
    """The whole number at the start of a text or of a number, as JavaScript's ``parseInt`` finds it.

    Limited to what a database can count with. None where there is none.
    """
    if type(value) is str and value.isdecimal() and value.isascii() and len(value) <= MAX_DIGITS:
        return min(int(value), MAX_INTEGER)
    if isinstance(value, str):
        text = value.strip()
        sign = text[:1] if text[:1] in ("+", "-") else ""
        digits = text[len(sign) :]
        end = next((place for place, letter in enumerate(digits) if not "0" <= letter <= "9"), len(digits))
        if end == 0:
            return None
        value = int(sign + digits[: min(end, MAX_DIGITS)])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return max(-MAX_INTEGER, min(int(value), MAX_INTEGER))
