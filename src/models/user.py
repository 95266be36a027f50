from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, get_args

from .record import ANY_TEXT, SchoolRecord, index
from .status import StatusName

Role = Literal["student", "teacher", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
STAFF: Final[tuple[Role, ...]] = ("teacher", "admin")


class User(SchoolRecord):
    """Somebody of a school. ``password`` is an argon2 hash and never leaves the server.

    Until ``suspendedUntil`` the user may read and not write. From ``erasingAt`` on nobody logs in as this
    user, and at ``erasedAt`` nothing personal is left: see Erasure. ``status`` and its text are told by
    presence alone: nobody reads here who is invisible.
    """

    email: str
    college_id: str | None = None
    name: str
    role: Role
    password: str
    avatar: str | None = None
    last_seen_at: datetime | None = None
    status: StatusName = "available"
    status_text: str = ""
    suspended_until: datetime | None = None
    suspended_reason: str | None = None
    erasing_at: datetime | None = None
    erased_at: datetime | None = None

    class Settings:
        name = "users"
        indexes = [  # noqa: RUF012 - beanie's form
            index("schoolId", "email", unique=True),
            index("schoolId", "collegeId", unique=True, where={"collegeId": ANY_TEXT}),
            index("schoolId", "name"),
            # Who logs in says no school: these two find the account by what was typed.
            index("email"),
            index("collegeId", where={"collegeId": ANY_TEXT}),
        ]
