from __future__ import annotations

from typing import Any, Final, cast

from marshmallow import Schema, ValidationError, fields, validate

from ...core.schema import Id, count, moment
from ...core.shapes import is_mapping

MAX_CONVERSATIONS: Final = 1000


class CursorData(Schema):
    seq = count(load_default=0)
    revision = count(required=True)


class Cursor(fields.Field[Any]):
    """What is held of a conversation: its newest ``revision``, or the ``seq`` of the newest message."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if is_mapping(value):
            return cast("dict[str, int]", CursorData().load(value))
        seq = value if isinstance(value, int) and not isinstance(value, bool) else None
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 16:
            seq = int(value)
        if seq is None or not 0 <= seq < 2**53:
            raise ValidationError("is neither a seq nor {seq, revision}")
        return {"seq": seq}


class SyncData(Schema):
    """``conversations[id]`` is a ``seq`` or ``{seq, revision}``; ``at`` is what the last answer said."""

    conversations = fields.Dict(
        keys=Id(), values=Cursor(), load_default=dict, validate=validate.Length(max=MAX_CONVERSATIONS)
    )
    at = moment()


class Cursors(Schema):
    userId = Id(required=True)
    deliveredSeq = count(required=True)
    readSeq = count(required=True)
    readAt = moment(required=True, allow_none=True)


class Changes(Schema):
    """Of one conversation, up to ``revision``; with ``resync`` all of it is to be fetched anew.

    ``messages``, ``members`` and ``reactions`` are those that are new or have changed, as they are now;
    ``left`` are the users who are members no more, ``taken`` the reactions that are gone.
    """

    revision = count(required=True)
    clock = count(required=True)
    resync = fields.Boolean()
    conversation: fields.Field[Any] = fields.Raw()
    messages = fields.List(fields.Raw())
    members = fields.List(fields.Raw())
    left = fields.List(Id())
    reactions = fields.List(fields.Raw())
    taken = fields.List(fields.Raw())
    receipts: fields.List[Any] = fields.List(fields.Nested(Cursors))


class SyncResult(Schema):
    """``joined`` are conversations that the client has not named, ``left`` those it is no member of.

    ``resync`` says that there are more of the former than are told: all conversations are to be listed anew.
    """

    at = moment(required=True)
    conversations = fields.Dict(keys=Id(), values=fields.Nested(Changes), required=True)
    joined = fields.List(fields.Raw(), required=True)
    left = fields.List(Id(), required=True)
    resync = fields.Boolean(required=True)
