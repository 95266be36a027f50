from __future__ import annotations

from .record import SchoolRecord, index


class SchoolClass(SchoolRecord):
    """``changes`` grows with each change of who is in the class: see hooks/class_places.py."""

    name: str
    subject: str | None = None
    changes: int = 0

    class Settings:
        name = "classes"
        indexes = [index("schoolId", "name", unique=True)]  # noqa: RUF012 - beanie's form
