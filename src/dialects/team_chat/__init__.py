"""Team Chat: the channels of teams, at /api and over the namespace ``/team``."""

from __future__ import annotations

from ...socket.events import ServerEvent
from ...socket.typists import TYPING_SECONDS
from ..dialect import Dialect, Event, Route, Tell
from . import alerts, channels, devices, events, messages, schema, told
from .shapes import failure

MESSAGES = "/api/channels/:id/messages"
REACT = "/api/messages/:id/react"

TEAM = Dialect(
    name="team",
    title="Team Chat",
    namespace="/team",
    routes=(
        Route("GET", "/api/teams", schema.Nothing, channels.teams, "The caller's teams, and role in each."),
        Route(
            "GET",
            "/api/teams/:id/channels",
            schema.Named,
            channels.channels,
            "The channels of a team that the caller is in, and the direct ones with people of it.",
        ),
        Route("GET", "/api/teams/:id/audit", schema.AuditPage, channels.audit, "What was done in the team."),
        Route("GET", MESSAGES, schema.MessagePage, messages.history, "The newest messages of a channel."),
        Route("POST", MESSAGES, schema.NewMessage, messages.send, "Write to a channel.", status=201),
        Route("PUT", "/api/messages/:id", schema.Edit, messages.edit, "Say something else, for a while."),
        Route("DELETE", "/api/messages/:id", schema.Named, messages.delete, "Leave a tombstone."),
        Route("GET", "/api/messages/:id/edits", schema.Named, messages.edits, "What a message said before."),
        Route("POST", REACT, schema.Reaction, messages.react, "React to a message.", status=201),
        Route("DELETE", REACT, schema.Reaction, messages.take_back, "Take a reaction back."),
        Route("POST", "/api/messages/:id/pin", schema.Pin, messages.pin, "Pin a message, or unpin it."),
        Route("POST", "/api/messages/:id/read", schema.Named, messages.read, "The caller has read so far."),
        Route("GET", "/api/messages/:id/seen", schema.Named, messages.seen, "Who has seen a message."),
        Route(
            "POST", "/api/channels/:id/mute", schema.Mute, channels.mute, "Be disturbed no more, for a time."
        ),
        Route("GET", "/api/channels/:id/media", schema.MediaPage, channels.media, "The files of a channel."),
        Route(
            "POST", "/api/channels/:id/uploads", schema.NewFile, channels.upload, "Where to upload to.", 201
        ),
        Route("POST", "/api/uploads/:id/complete", schema.Named, channels.complete, "A file is uploaded."),
        Route(
            "POST", "/api/alerts", schema.NewAlert, alerts.send, "Alert a channel, or a team, in two steps."
        ),
        Route("POST", "/api/device_tokens", schema.NewDevice, devices.register, "Be told by push.", 201),
        Route("DELETE", "/api/device_tokens/:id", schema.Named, devices.forget, "Be told so no more."),
        Route("GET", "/api/feed", schema.FeedPage, alerts.feed, "The newest announcements and alerts."),
        Route("GET", "/api/search", schema.Words, messages.search, "Find messages."),
    ),
    events=(
        Event("subscribe", schema.InTopic, events.subscribe, "Hear of what happens in a channel."),
        Event("unsubscribe", schema.InTopic, events.unsubscribe, "Hear of it no more."),
        Event("typing_start", schema.InTopic, events.typing_start, "The caller types; to be repeated."),
        Event("typing_stop", schema.InTopic, events.typing_stop, "The caller types no more."),
        Event("presence", schema.InTopic, events.presence, "Ask who of a channel is online."),
    ),
    tells=(
        Tell("messages created", "message_created", told.message, told.room, carries=schema.Message),
        Tell("messages patched", "message_updated", told.message, told.room, carries=schema.Message),
        Tell("messages removed", "message_deleted", told.message, told.room, carries=schema.Message),
        Tell("reactions created", "reaction_added", told.reaction, told.room, carries=schema.Reacted),
        Tell("reactions removed", "reaction_removed", told.reaction, told.room, carries=schema.Reacted),
        Tell(
            ServerEvent.MESSAGE_READ,
            "message_read",
            told.receipt,
            told.room,
            carries=schema.Receipt,
            summary="Somebody has read a direct channel up to there.",
        ),
        Tell("conversations created", "channel_created", told.channel, carries=schema.Channel),
        Tell("conversations patched", "channel_updated", told.channel, carries=schema.Channel),
        Tell("members created", "channel_member_joined", told.place, carries=schema.ChannelMember),
        Tell("members removed", "channel_member_left", told.place, carries=schema.ChannelMember),
        Tell(
            "alerts created",
            "priority_alert",
            told.alert,
            carries=schema.Alert,
            summary="An alert, whether or not its channel was subscribed to.",
        ),
        Tell(ServerEvent.TYPING_START, "typing", told.typing, told.room, carries=schema.Typing),
        Tell(ServerEvent.TYPING_STOP, "typing", told.no_typing, told.room, carries=schema.Typing),
        Tell(ServerEvent.USER_ONLINE, "presence", told.online, carries=schema.Presence),
        Tell(ServerEvent.USER_OFFLINE, "presence", told.offline, carries=schema.Presence),
        Tell(ServerEvent.PRESENCE_CHANGES, "presence", told.changes, carries=schema.Presence),
    ),
    room_of=str,
    marks={TYPING_SECONDS: 60.0},
    failure=failure,
)
