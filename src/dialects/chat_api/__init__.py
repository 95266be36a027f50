"""The Chat System: conversations of two people, at /api/chat and over the namespace ``/chat``."""

from __future__ import annotations

from ...socket.events import ServerEvent
from ..dialect import Dialect, Event, Route, Sent, Tell
from . import calls, schema, told
from .shapes import error_of, room_of

READ = "/api/chat/conversations/:id/read"

CHAT = Dialect(
    name="chat",
    title="Chat System",
    namespace="/chat",
    routes=(
        Route("POST", "/api/chat/send", schema.SendMessage, calls.send, "Write to somebody.", status=201),
        Route(
            "GET",
            "/api/chat/conversations",
            schema.ConversationPage,
            calls.conversations,
            "The caller's conversations, the one with the newest message first.",
        ),
        Route(
            "GET",
            "/api/chat/conversations/:id/messages",
            schema.MessagePage,
            calls.history,
            "The messages of a conversation, with sender and receiver.",
        ),
        Route("PUT", READ, schema.Named, calls.read, "The caller has read the conversation."),
        Route("POST", READ, schema.Named, calls.read, "The caller has read the conversation."),
        Route(
            "GET", "/api/chat/unread-count", schema.Nothing, calls.unread_count, "How much is not read yet."
        ),
        Route("GET", "/api/chat/search", schema.Words, calls.search, "The best matches in own messages."),
        Route("DELETE", "/api/chat/messages/:id", schema.Named, calls.delete, "Hide a message."),
        Route(
            "POST",
            "/api/chat/messages/:id/restore",
            schema.Named,
            calls.restore,
            "Recover a message that was deleted, as an admin of the school.",
        ),
    ),
    events=(
        Event(
            "join_conversation",
            schema.ConversationName,
            calls.join,
            "Hear of what happens in it.",
        ),
        Event("send_message", schema.SendMessage, calls.send_message, "Write to somebody."),
        Event("typing", schema.ConversationName, calls.typing, "The caller types; to be repeated."),
        Event("stop_typing", schema.ConversationName, calls.stop_typing, "The caller types no more."),
        Event("mark_as_read", schema.ConversationName, calls.read, "The caller has read the conversation."),
    ),
    tells=(
        Tell(
            "messages created",
            "new_message",
            told.new_message,
            told.room,
            carries=schema.MessageFields,
            summary="A message in a conversation that the socket has joined.",
        ),
        Tell(
            "messages created",
            "message_notification",
            told.notification,
            only=told.by_another,
            carries=schema.Notification,
            summary="The receiver has a new message, in whatever conversation.",
        ),
        Tell(ServerEvent.TYPING_START, "typing", told.typist, told.room, carries=schema.Typist),
        Tell(ServerEvent.TYPING_STOP, "stop_typing", told.typist, told.room, carries=schema.Typist),
        Tell(
            ServerEvent.MESSAGE_READ,
            "messages_read",
            told.messages_read,
            only=told.by_another,
            carries=schema.ReadBy,
            summary="The other has read the receiver's messages.",
        ),
    ),
    sends=(Sent("error", schema.Failure, "What the client has sent last has failed."),),
    room_of=room_of,
    failure=error_of,
    error_event="error",
)
