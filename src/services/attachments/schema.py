from __future__ import annotations

from marshmallow import Schema, fields

from ...core.schema import Id, choice, count, moment, text
from ...models.attachment import ATTACHMENT_STATES


class AttachmentData(Schema):
    """What is going to be uploaded: ``size`` in bytes, exactly."""

    conversationId = Id(required=True)
    name = text(255, required=True)
    mediaType = text(127, required=True)
    size = count(required=True)


class AttachmentName(Schema):
    attachmentId = Id(required=True)


class AttachmentQuery(Schema):
    _id = Id()
    conversationId = Id()
    userId = Id()
    mediaType = fields.String()
    attachedAt = moment()
    messageId = Id(dump_only=True)
    createdAt = moment(dump_only=True)
    name = fields.String(dump_only=True)
    size = count(dump_only=True)
    state = choice(ATTACHMENT_STATES, dump_only=True)
    width = count(dump_only=True)
    height = count(dump_only=True)
    schoolId = Id(dump_only=True)


class Download(Schema):
    """The address gives the file until ``expiresAt`` to whoever asks for it."""

    url = fields.String(required=True)
    expiresAt = moment(required=True)


class UploadResult(Download):
    """The one request that uploads the file: this method, with these headers."""

    method = fields.String(required=True)
    headers = fields.Dict(fields.String(), fields.String(), required=True)


class AttachmentResult(Schema):
    """``upload`` while the state is WAITING, ``download`` once the file is there."""

    _id = Id()
    schoolId = Id()
    conversationId = Id()
    userId = Id()
    messageId = Id(allow_none=True)
    name = fields.String()
    mediaType = fields.String()
    size = count()
    state = choice(ATTACHMENT_STATES)
    width = count(allow_none=True)
    height = count(allow_none=True)
    createdAt = moment()
    attachedAt = moment(allow_none=True)
    upload = fields.Nested(UploadResult)
    download = fields.Nested(Download)
    thumbnailUrl = fields.String()
