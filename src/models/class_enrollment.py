from __future__ import annotations

from beanie import PydanticObjectId

from .record import SchoolRecord, index


class ClassEnrollment(SchoolRecord):
    """A student is in a class."""

    class_id: PydanticObjectId
    user_id: PydanticObjectId

    class Settings:
        name = "class-enrollments"
        indexes = [  # noqa: RUF012 - beanie's form
            index("classId", "userId", unique=True),
            index("userId", "classId"),
            index("schoolId"),
        ]
