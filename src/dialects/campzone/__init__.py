"""CampZone: rooms with messages in the order of Lamport clocks, over the namespace ``/campzone``."""

from __future__ import annotations

from ...socket.events import ServerEvent
from ...socket.typists import TYPING_SECONDS
from ..dialect import Dialect, Event, Sent, Tell
from . import events, schema, told

CAMPZONE = Dialect(
    name="campzone",
    title="CampZone",
    namespace="/campzone",
    events=(
        Event("join_room", schema.Join, events.join_room, "Hear of what happens in a room of one's own."),
        Event("leave_room", schema.InRoom, events.leave_room, "Hear of the room no more."),
        Event("send_message", schema.Message, events.send_message, "Write to a room, once for each key."),
        Event("typing_start", schema.InRoom, events.typing_start, "The caller types; for 30 s at most."),
        Event("typing_stop", schema.InRoom, events.typing_stop, "The caller types no more."),
        Event("mark_read", schema.Read, events.mark_read, "The caller has read the room up to a message."),
        Event("get_messages", schema.Page, events.get_messages, "Ask for messages, the newest ones first."),
        Event("get_online_users", schema.InRoom, events.get_online_users, "Ask who of a room is online."),
    ),
    tells=(
        Tell(ServerEvent.CONNECTED, "connected", told.connected, carries=schema.Connected),
        Tell(
            "messages created",
            "new_message",
            told.new_message,
            told.room,
            carries=schema.NewMessage,
            done=events.delivered,
        ),
        Tell(ServerEvent.TYPING_START, "user_typing", told.typing, told.room, carries=schema.Typing),
        Tell(ServerEvent.TYPING_STOP, "user_typing", told.no_typing, told.room, carries=schema.Typing),
        Tell(ServerEvent.MESSAGE_READ, "read_receipt", told.read_receipt, told.room, carries=schema.Receipt),
    ),
    sends=(
        Sent("joined_room", schema.Joined, "The caller is in the room."),
        Sent("message_sent", schema.Acknowledged, "The message is stored, or was before."),
        Sent("messages", schema.Messages, "What was asked for by get_messages."),
        Sent("online_users", schema.Online, "What was asked for by get_online_users."),
        Sent("user_joined", schema.Came, "Somebody else has joined a room of the receiver's."),
        Sent("user_left", schema.Came, "Somebody else has left a room of the receiver's."),
        Sent("error", schema.Failure, "What the client has sent last has failed."),
    ),
    # Rooms are called by the conversations' ids.
    room_of=str,
    marks={TYPING_SECONDS: 30.0},
    left=events.left,
    failure=told.failure,
    error_event="error",
)
