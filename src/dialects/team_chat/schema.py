"""What clients of Team Chat send and get. What a value may be beyond its kind is for the services to say."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, fields, validate

from ...core.schema import Id, count, moment

MESSAGES: Final = 50
MOST: Final = 100
TOPIC: Final = r"team:(?P<team>[0-9a-fA-F]{24}):channel:(?P<channel>[0-9a-fA-F]{24})"


def _limit() -> fields.Integer:
    return fields.Integer(load_default=MESSAGES, validate=validate.Range(min=1, max=MOST))


class Nothing(Schema):
    """No fields."""


class Named(Schema):
    id = Id(required=True)


class AuditPage(Named):
    """``cursor`` is the ``next_cursor`` of the page before."""

    cursor = count()


class MessagePage(Named):
    """The newest come first. ``thread`` is the message that a thread began with."""

    cursor = count()
    limit = _limit()
    thread = Id()


class MediaPage(Named):
    cursor = fields.String()
    limit = _limit()


class FeedPage(Schema):
    cursor = fields.String()
    limit = _limit()


class Words(Schema):
    q = fields.String(required=True)
    channel_id = Id()
    cursor = fields.String()
    limit = fields.Integer(load_default=20, validate=validate.Range(min=1, max=MESSAGES))


class NewMessage(Named):
    """``attachments`` are ids of uploaded files. The header ``Idempotency-Key`` names the message."""

    body = fields.String()
    reply_to = Id(allow_none=True)
    attachments = fields.List(Id(required=True))


class Edit(Named):
    body = fields.String(required=True)


class Reaction(Named):
    emoji = fields.String()


class Pin(Named):
    pinned = fields.Boolean(load_default=True)


class Mute(Named):
    """With null it is over."""

    until_ts = moment(required=True, allow_none=True)


class NewFile(Named):
    """``size`` in bytes."""

    filename = fields.String(required=True)
    media_type = fields.String(required=True)
    size = count(required=True)


class NewAlert(Schema):
    """Without a ``channel_id`` it is for the whole team. The same again with ``confirm_token`` sends it."""

    channel_id = Id(allow_none=True)
    team_id = Id()
    body = fields.String(required=True)
    reason = fields.String(required=True)
    override_mute = fields.Boolean()
    confirm_token = fields.String()


class NewDevice(Schema):
    """``token`` is what the provider, ``expo``, ``fcm`` or ``apns``, knows the device by."""

    token = fields.String(required=True)
    provider = fields.String(load_default="expo")
    platform = fields.String()


class InTopic(Schema):
    """``team:<teamId>:channel:<channelId>``."""

    topic = fields.String(required=True, validate=validate.Regexp(f"^{TOPIC}$", error="is not a topic"))


class Tally(Schema):
    emoji = fields.String(required=True)
    count: fields.Field[Any] = count(required=True)


class File(Schema):
    attachment_id = Id(allow_none=True)
    filename = fields.String(required=True)
    url = fields.String(required=True)
    thumbnail_url = fields.String(allow_none=True)
    media_type = fields.String(allow_none=True)
    size = count(allow_none=True)


class Thread(Schema):
    root_message_id = Id(required=True)
    reply_count = count(required=True)
    last_activity_at = moment(required=True, allow_none=True)


class Message(Schema):
    """Of a message that was deleted there is no ``body``, but a ``tombstone`` to be shown."""

    id = Id(required=True)
    channel_id = Id(required=True)
    sender_id = Id(required=True)
    body = fields.String(required=True, allow_none=True)
    tombstone = fields.String(required=True, allow_none=True)
    edited = fields.Boolean(required=True)
    edited_at = moment(required=True, allow_none=True)
    deleted_at = moment(required=True, allow_none=True)
    deleted_by = Id(required=True, allow_none=True)
    pinned_at = moment(required=True, allow_none=True)
    priority = fields.Boolean(required=True)
    reply_to = Id(required=True, allow_none=True)
    thread = fields.Nested(Thread, required=True)
    reactions: fields.Field[Any] = fields.Nested(Tally, many=True, required=True)
    attachments: fields.Field[Any] = fields.Nested(File, many=True, required=True)
    created_at = moment(required=True)


class Reacted(Schema):
    message_id = Id(required=True)
    channel_id = Id(required=True)
    user_id = Id(required=True)
    emoji = fields.String(required=True)
    count: fields.Field[Any] = count(required=True)


class Receipt(Schema):
    message_id = Id(required=True)
    channel_id = Id(required=True)
    user_id = Id(required=True)
    read_at = moment(required=True)


class Channel(Schema):
    channel_id = Id(required=True)
    team_id = Id(required=True)
    name = fields.String(required=True)
    topic = fields.String(required=True)


class ChannelMember(Schema):
    channel_id = Id(required=True)
    user_id = Id(required=True)


class Alert(Schema):
    id = Id(required=True)
    team_id = Id(required=True)
    channel_id = Id(required=True, allow_none=True)
    message_id = Id(required=True)
    sender_id = Id(required=True)
    scope = fields.String(required=True)
    reason = fields.String(required=True)
    created_at = moment(required=True)


class Typing(Schema):
    channel_id = Id(required=True)
    user_id = Id(required=True)
    is_typing = fields.Boolean(required=True)


class UserPresence(Schema):
    user_id = Id(required=True)
    online = fields.Boolean(required=True)


class Presence(Schema):
    """Whoever has come or gone of those whom the receiver may see."""

    users: fields.Field[Any] = fields.Nested(UserPresence, many=True, required=True)
