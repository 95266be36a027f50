"""A new message as it is stored, where what it says was checked already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...models import Message

_UNSAID: Final = {
    field.alias or name: field
    for name, field in Message.model_fields.items()
    if not field.is_required() and name not in {"id", "revision_id"}
}
_VALUES: Final[dict[str, Any]] = {
    name: field.default for name, field in _UNSAID.items() if field.default_factory is None
}
_LISTS: Final = [
    name for name, field in _UNSAID.items() if field.get_default(call_default_factory=True) == []
]


def document_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """``message``, which has its ``createdAt``, with the model's defaults, as the model would make it."""
    return {**_VALUES, **{name: list[Any]() for name in _LISTS}, **message}
