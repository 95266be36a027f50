from __future__ import annotations

from .job import Job, job_indexes


class Erasure(Job):
    """Taking everything personal of a user out of the school. ``step`` names what is being done."""

    step: str | None = None

    class Settings:
        name = "erasures"
        indexes = job_indexes()
