from __future__ import annotations

from marshmallow import Schema

from ...core.schema import Id, moment


class BlockData(Schema):
    blockedId = Id(required=True)


class BlockQuery(Schema):
    _id = Id()
    blockedId = Id()
    createdAt = moment()
    userId = Id(dump_only=True)
    schoolId = Id(dump_only=True)


class BlockResult(BlockQuery):
    pass
