from __future__ import annotations

from marshmallow import Schema

from ...core.schema import Id


class FeedQuery(Schema):
    conversationId = Id()
