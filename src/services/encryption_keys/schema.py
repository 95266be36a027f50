from __future__ import annotations

from marshmallow import Schema

from ...core.schema import Id, count, moment


class EncryptionKeyData(Schema):
    conversationId = Id(required=True)


class EncryptionKeyQuery(Schema):
    """``rotatedAt`` null finds the keys with which contents are sealed now."""

    _id = Id()
    conversationId = Id()
    version = count()
    createdAt = moment()
    rotatedAt = moment(allow_none=True)
    createdBy = Id(dump_only=True)
    schoolId = Id(dump_only=True)


class EncryptionKeyResult(EncryptionKeyQuery):
    """A version of the key of a conversation, from 1; nothing more is sealed with it after ``rotatedAt``."""
