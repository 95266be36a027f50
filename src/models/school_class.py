from __future__ import annotations

from .record import SchoolRecord, index


class SchoolClass(SchoolRecord):
    name: str
    subject: str | None = None

    class Settings:
        name = "classes"
        indexes = [index("schoolId", "name", unique=True)]  # noqa: RUF012 - beanie's form
