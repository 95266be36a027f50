"""What the school's own socket events carry, for its documents; services tell theirs themselves."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from marshmallow import Schema, fields, validate

from .core.application import Application
from .core.documentation import OwnEvent, data_schema, result_schema
from .core.schema import Id, choice, count, moment
from .models.status import STATUSES
from .models.user import ROLES
from .socket.events import ClientEvent, ServerEvent
from .socket.requests import MAX_ASKED
from .socket.status import MAX_TEXT

from_client = partial(OwnEvent, sent_by="client")
from_server = partial(OwnEvent, sent_by="server")


class UpTo(Schema):
    """All messages of the conversation up to ``seq``."""

    conversationId = Id(required=True)
    seq = count(required=True)


class Reached(Schema):
    conversationId = Id(required=True)
    deliveredSeq = count(required=True)
    readSeq = count(required=True)


class InConversation(Schema):
    conversationId = Id(required=True)


class Typist(Schema):
    conversationId = Id(required=True)
    userId = Id(required=True)


class WhoIsOnline(Schema):
    """Without ``userIds``: everybody whom the caller may see."""

    userIds = fields.List(fields.String(), validate=validate.Length(max=MAX_ASKED))


class Chosen(Schema):
    userIds = fields.List(fields.String(), required=True, validate=validate.Length(max=MAX_ASKED))


class NotChosen(Schema):
    """Without ``userIds``: the caller is told of everybody again."""

    userIds = fields.List(fields.String(), validate=validate.Length(max=MAX_ASKED))


class OwnStatus(Schema):
    """Who is ``invisible`` is offline for everybody else."""

    status = choice(STATUSES, required=True)
    text = fields.String(validate=validate.Length(max=MAX_TEXT))


class Online(Schema):
    """``statuses``: by user id, of those who are not plainly available."""

    online = fields.List(Id(), required=True)
    statuses = fields.Dict(fields.String(), fields.Nested(OwnStatus), required=True)


class Welcome(Schema):
    socketId = fields.String(required=True)
    userId = Id(required=True)
    status = fields.Nested(OwnStatus, required=True)
    online = fields.List(Id(), required=True)
    statuses = fields.Dict(fields.String(), fields.Nested(OwnStatus), required=True)


class CameOnline(Schema):
    """``status`` and ``text`` where the user is not plainly available; told again when they change."""

    userId = Id(required=True)
    role = choice(ROLES, required=True)
    at = moment(required=True)
    status = choice(STATUSES)
    text = fields.String()


class WentOffline(Schema):
    """``lastSeenAt`` is None where the viewer may no longer see the user."""

    userId = Id(required=True)
    lastSeenAt = moment(required=True, allow_none=True)


class PresenceChange(Schema):
    """``role`` and ``at`` of who is online, ``lastSeenAt`` of who is not; as in the single events."""

    userId = Id(required=True)
    online = fields.Boolean(required=True)
    role = choice(ROLES)
    at = moment()
    status = choice(STATUSES)
    text = fields.String()
    lastSeenAt = moment(allow_none=True)


class PresenceChanges(Schema):
    changes = fields.Nested(PresenceChange, many=True, required=True)


class Loss(Schema):
    """``gap``: the server has lost events. ``slow``: the client read too slowly, and is cut off."""

    reason = choice(("gap", "slow"), required=True)


class Notice(Schema):
    """``mentioned``: by id, by role, as everybody, by an alert, or as the other of a direct conversation.

    ``alert`` is there, and true, for a priority alert.
    """

    conversationId = Id(required=True)
    messageId = Id(required=True)
    seq = count(required=True)
    senderId = Id(required=True)
    mentioned = fields.Boolean(required=True)
    alert = fields.Boolean()


class Nothing(Schema):
    pass


def own_events(app: Application) -> Iterable[OwnEvent]:

    class Sent(Schema):
        message = fields.Nested(result_schema(app, "messages"), required=True)
        duplicate = fields.Boolean()

    return (
        from_client(
            name=ClientEvent.MESSAGE_SEND,
            summary="Write a message: messages create by another name.",
            payload=data_schema(app, "messages", "create"),
            reply=Sent(),
        ),
        from_client(
            name=ClientEvent.MESSAGE_DELIVERED,
            summary="The caller's devices have the messages.",
            payload=UpTo(),
            reply=Reached(),
        ),
        from_client(
            name=ClientEvent.MESSAGE_READ,
            summary="The caller has read the messages.",
            payload=UpTo(),
            reply=Reached(),
        ),
        from_client(
            name=ClientEvent.TYPING_START,
            summary="The caller types; to be repeated while that lasts.",
            payload=InConversation(),
            reply=Nothing(),
        ),
        from_client(
            name=ClientEvent.TYPING_STOP,
            summary="The caller types no more.",
            payload=InConversation(),
            reply=Nothing(),
        ),
        from_client(
            name=ClientEvent.PRESENCE_GET,
            summary="Ask who is online.",
            payload=WhoIsOnline(),
            reply=Online(),
        ),
        from_client(
            name=ClientEvent.PRESENCE_SET,
            summary="Be available, busy or invisible: on all devices, and until it is changed.",
            payload=OwnStatus(),
            reply=OwnStatus(),
        ),
        from_client(
            name=ClientEvent.PRESENCE_SUBSCRIBE,
            summary="Be told of these, and of those subscribed to before, instead of everybody.",
            payload=Chosen(),
            reply=Online(),
        ),
        from_client(
            name=ClientEvent.PRESENCE_UNSUBSCRIBE,
            summary="Be told of these no more.",
            payload=NotChosen(),
            reply=Online(),
        ),
        from_client(
            name=ClientEvent.SYNC,
            summary="Ask for what was missed: sync create by another name.",
            payload=data_schema(app, "sync", "create"),
            reply=result_schema(app, "sync"),
        ),
        from_server(
            name=ServerEvent.CONNECTED,
            summary="The first event after the login.",
            payload=Welcome(),
        ),
        from_server(
            name=ServerEvent.MESSAGE_NOTIFY,
            summary="The receiver wants to be disturbed by a message; it comes behind messages created.",
            payload=Notice(),
        ),
        from_server(
            name=ServerEvent.TYPING_START,
            summary="Somebody types in a conversation of the receiver's.",
            payload=Typist(),
        ),
        from_server(
            name=ServerEvent.TYPING_STOP,
            summary="Somebody has stopped typing, or has sent the message.",
            payload=Typist(),
        ),
        from_server(
            name=ServerEvent.USER_ONLINE,
            summary="Somebody whom the receiver may see came online.",
            payload=CameOnline(),
        ),
        from_server(
            name=ServerEvent.USER_OFFLINE,
            summary="Somebody whom the receiver may see went offline, or may be seen no more.",
            payload=WentOffline(),
        ),
        from_server(
            name=ServerEvent.PRESENCE_CHANGES,
            summary="Several user:online and user:offline in one, where they follow each other closely.",
            payload=PresenceChanges(),
        ),
        from_server(
            name=ServerEvent.RESYNC,
            summary="Events for the receiver may be lost: ask with sync and presence:get how things are.",
            payload=Loss(),
        ),
    )
