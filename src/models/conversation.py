from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, get_args

from beanie import PydanticObjectId
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from .record import ANY_ID, ANY_TEXT, SchoolRecord, index
from .team_member import TeamRole
from .user import Role

Kind = Literal["direct", "group", "class", "department", "club", "channel", "announcement"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

PREVIEW: Final = 200
"""Characters of its newest message that a conversation keeps."""


class LastMessage(BaseModel):
    """What a list of conversations shows of the newest message; ``content`` is its beginning.

    In an encrypted conversation it is all of it, sealed, as the message has it.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    seq: int
    sender_id: PydanticObjectId | None
    type: str
    content: str | bytes | None
    created_at: datetime


class Conversation(SchoolRecord):
    """``clock`` is the newest ``seq``; ``directKey`` names the two people of a direct conversation.

    ``revision`` counts all that has changed in it, messages and members included: see Delivery.
    ``placesRevision`` is that of the newest change to a member's place: who has read the members since then
    knows them. ``lamport`` is the clock of clients that keep one. ``writerRoles`` are the roles of the school
    whose members may write in an announcement, besides those who manage it. A team's channel is open to its
    ``teamRoles`` and to its ``positionGroups``. ``keyVersion`` is that of the key which seals what is written
    now; with 0 nothing is sealed.
    """

    kind: Kind
    name: str | None = None
    description: str | None = None
    class_id: PydanticObjectId | None = None
    team_id: PydanticObjectId | None = None
    created_by: PydanticObjectId
    direct_key: str | None = None
    clock: int = 0
    revision: int = 0
    places_revision: int = 0
    lamport: int = 0
    last_message: LastMessage | None = None
    last_message_at: datetime | None = None
    member_count: int = 0
    archived_at: datetime | None = None
    slow_mode_seconds: int = Field(default=0, ge=0)
    writer_roles: list[Role] = Field(default_factory=list[Role])
    team_roles: list[TeamRole] = Field(default_factory=list[TeamRole])
    position_groups: list[str] = Field(default_factory=list[str])
    key_version: int = 0

    class Settings:
        name = "conversations"
        indexes = [  # noqa: RUF012 - beanie's form
            index("schoolId", "directKey", unique=True, where={"directKey": ANY_TEXT}),
            index("schoolId", "kind"),
            index("classId", where={"classId": ANY_ID}),
            index("teamId", where={"teamId": ANY_ID}),
        ]
