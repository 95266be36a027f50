from __future__ import annotations

import unicodedata
from typing import Final

from marshmallow import Schema, ValidationError, fields

from ...core.schema import Id, count, moment

LONGEST: Final = 16
KEYCAP: Final = "\N{COMBINING ENCLOSING KEYCAP}"
PARTS: Final = frozenset({"So", "Sk", "Sm", "Mn", "Me", "Cf", "Cn", "Co", "Nd", "Po"})
"""Unicode's categories of what emoji are put together from, the newest ones included."""


def _emoji(text: str) -> None:
    drawn = any(unicodedata.category(one) in {"So", "Sm", "Cn"} for one in text) or KEYCAP in text
    if not drawn or len(text) > LONGEST or any(unicodedata.category(one) not in PARTS for one in text):
        raise ValidationError("is not an emoji")


class ReactionData(Schema):
    messageId = Id(required=True)
    emoji = fields.String(required=True, validate=_emoji)


class ReactionQuery(Schema):
    _id = Id()
    messageId = Id()
    conversationId = Id()
    userId = Id()
    createdAt = moment()
    emoji = fields.String(dump_only=True)
    revision = count(dump_only=True)
    schoolId = Id(dump_only=True)


class ReactionResult(ReactionQuery):
    """``count`` is how many have set the same emoji now; calls that write and events tell it."""

    count = count()
