from __future__ import annotations

from typing import Any, cast

from marshmallow import Schema, fields

from ...core.application import Application
from ...core.documentation import result_schema
from ...core.schema import Id, count, text


class OversightQuery(Schema):
    conversationId = Id(required=True)
    reason = text(500, shortest=10, required=True)
    seq = count()


def seen_message(app: Application) -> Schema:
    """A message as members get it, and what it was where it is removed."""
    message = result_schema(app, "messages")
    known = cast("dict[str, Any]", message.fields)  # pyright: ignore[reportUnknownMemberType]
    removed = {
        "deletedContent": fields.String(allow_none=True),
        "deletedAttachments": known["attachments"],
    }
    made = cast("Any", Schema).from_dict({**known, **removed}, name="OversightResult")
    return cast("Schema", made())
