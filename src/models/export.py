from __future__ import annotations

from datetime import datetime

from beanie import PydanticObjectId
from pymongo import ASCENDING, IndexModel

from .job import Job, job_indexes
from .record import ANY_TEXT, Record, index


class Export(Job):
    """An archive of all that is kept of a user. ``size`` in bytes; gone, with its pieces, at ``expiresAt``.

    ``linkHash`` is that of the token which fetches the archive once, until ``linkUntil``. Where there is a
    master key the pieces are sealed, for contents of encrypted conversations are among them: ``wrapped`` is
    the key of this one archive.
    """

    size: int | None = None
    expires_at: datetime | None = None
    link_hash: str | None = None
    link_until: datetime | None = None
    master_id: str | None = None
    wrapped: bytes | None = None

    class Settings:
        name = "exports"
        indexes = [  # noqa: RUF012 - beanie's form
            *job_indexes(),
            # For a user who is erased.
            index("userId"),
            index("requestedBy"),
            index("linkHash", where={"linkHash": ANY_TEXT}),
            index("masterId", where={"masterId": ANY_TEXT}),
            IndexModel([("expiresAt", ASCENDING)], name="expiresAt", expireAfterSeconds=0),
        ]


class ExportPiece(Record):
    """Piece ``number``, from 0, of an archive; ``runner`` is the process that has written it."""

    export_id: PydanticObjectId
    number: int
    runner: str
    data: bytes
    expires_at: datetime

    class Settings:
        name = "export-pieces"
        indexes = [  # noqa: RUF012 - beanie's form
            index("exportId", "runner", "number", unique=True),
            IndexModel([("expiresAt", ASCENDING)], name="expiresAt", expireAfterSeconds=0),
        ]
