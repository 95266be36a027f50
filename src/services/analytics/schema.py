from __future__ import annotations

from marshmallow import Schema, fields

from ...core.schema import Id, count, moment


class DayCount(Schema):
    """``day`` as in 2026-11-21, by the clocks of the school."""

    day = fields.String(required=True)
    messages = count(required=True)


class WeekCount(Schema):
    """``week`` is its Monday."""

    week = fields.String(required=True)
    messages = count(required=True)


class AnalyticsQuery(Schema):
    _id = Id()
    conversationId = Id()
    lastMessageAt = moment()
    totalMessages = count()
    schoolId = Id(dump_only=True)
    days: fields.Field[list[dict[str, object]]] = fields.Nested(DayCount, many=True, dump_only=True)
    weeks: fields.Field[list[dict[str, object]]] = fields.Nested(WeekCount, many=True, dump_only=True)
    timezone = fields.String(dump_only=True)
    countedAt = moment(dump_only=True)


class AnalyticsResult(AnalyticsQuery):
    """``days`` are the newest 400 with messages, ``weeks`` the newest 120; both as of ``countedAt``."""

    lastMessageAt = moment(allow_none=True)
    timezone = fields.String()
    createdAt = moment()
