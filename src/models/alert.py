from __future__ import annotations

from typing import Final, Literal, get_args

from beanie import PydanticObjectId

from .record import SchoolRecord, index

AlertScope = Literal["channel", "team"]
ALERT_SCOPES: Final[tuple[AlertScope, ...]] = get_args(AlertScope)


class Alert(SchoolRecord):
    """A message that was sent to disturb, and why. What it says is the message's alone.

    With the ``scope`` of a team it went to the team's announcements. ``confirmationId`` is of the token that
    the sender has confirmed it with: one token sends one alert. It goes with its message: see expunging.py.
    """

    team_id: PydanticObjectId
    conversation_id: PydanticObjectId
    message_id: PydanticObjectId
    sender_id: PydanticObjectId
    scope: AlertScope
    reason: str
    overrides_mute: bool = False
    confirmation_id: str

    class Settings:
        name = "alerts"
        indexes = [  # noqa: RUF012 - beanie's form
            index("confirmationId", unique=True),
            index("conversationId", "createdAt"),
            index("senderId", "teamId", "createdAt"),
            index("messageId"),
        ]
