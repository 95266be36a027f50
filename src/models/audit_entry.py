"""What was done in a school to people, records and conversations: a log in which no change goes unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast

from beanie import PydanticObjectId
from bson import ObjectId
from bson.json_util import CANONICAL_JSON_OPTIONS, dumps
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError, PyMongoError

from ..core.adapters.driver import RETRIED_BY_THE_DRIVER, driver_errors
from ..core.errors import Unavailable
from .record import SchoolRecord, index, now

BEFORE_THE_FIRST: Final = ""


class Subject(BaseModel):
    """What something was done to: the path of its service, and its id."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    path: str
    id: PydanticObjectId


class AuditEntry(SchoolRecord):
    """The entries of a school are numbered from 1 without gaps, and chained.

    ``hash`` is over all the rest of the entry, ``previous`` is the hash of the entry before. ``actorId`` is
    None where nobody asked for it: a command, or the school's own rules.
    """

    number: int
    created_at: datetime = Field(default_factory=now, alias="at")
    actor_id: PydanticObjectId | None = None
    action: str
    subject: Subject
    details: dict[str, Any] = Field(default_factory=dict[str, Any])
    previous: str
    hash: str

    class Settings:
        name = "audit-log"
        indexes = [  # noqa: RUF012 - beanie's form
            index("schoolId", "number", unique=True),
            index("schoolId", "actorId", "number"),
            index("schoolId", "action", "number"),
            index("schoolId", "subject.id", "number"),
            index("schoolId", "at", "number"),
        ]


class AuditHead(SchoolRecord):
    """The number and hash of a school's newest entry. Whoever appends changes it, one after the other."""

    number: int
    hash: str

    class Settings:
        name = "audit-heads"
        indexes = [index("schoolId", unique=True)]  # noqa: RUF012 - beanie's form


async def append(
    school_id: Any,
    actor_id: Any,
    action: str,
    subject: tuple[str, Any],
    details: Mapping[str, Any] | None = None,
    *,
    session: AsyncClientSession | None = None,
) -> dict[str, Any]:
    """Write the school's next entry, in the transaction of ``session`` if there is one; the entry.

    ``subject`` is the path of a service and an id. ``details`` are few and never change again: no content,
    no passwords, no names. Raises Unavailable where too many write at once, or the log does not fit its head.
    """
    path, subject_id = subject
    named = {
        "schoolId": ObjectId(school_id),
        "actorId": None if actor_id is None else ObjectId(actor_id),
        "action": action,
        "subject": {"path": path, "id": ObjectId(subject_id)},
        "details": dict(details or {}),
    }
    with driver_errors(tenant="schoolId"):
        if session is not None:
            return await _append(named, session)
        async with AuditEntry.session() as own:
            try:
                return await own.with_transaction(lambda within: _append(named, within))
            except PyMongoError as error:
                if error.has_error_label(RETRIED_BY_THE_DRIVER):
                    raise Unavailable("The audit log is too busy, try again") from error
                raise


def digest(entry: Mapping[str, Any]) -> str:
    """SHA-256 over all of an entry but ``hash``.

    The entry is written for it as MongoDB's canonical extended JSON, in ASCII, with sorted names and without
    white space, so that other programs can compute it too.
    """
    said = {name: value for name, value in entry.items() if name != "hash"}
    text = dumps(said, json_options=CANONICAL_JSON_OPTIONS, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


async def _append(named: Mapping[str, Any], session: AsyncClientSession) -> dict[str, Any]:
    heads, school = AuditHead.documents(), {"schoolId": named["schoolId"]}
    at = now()
    # This write is what appenders meet at: of two transactions one is repeated, behind the other.
    counted = await heads.find_one_and_update(
        school,
        {"$inc": {"number": 1}, "$setOnInsert": {"createdAt": at, "hash": BEFORE_THE_FIRST}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
        session=session,
    )
    head = cast("dict[str, Any]", counted)
    entry = {"_id": ObjectId(), **named, "number": head["number"], "at": at, "previous": head["hash"]}
    entry["hash"] = digest(entry)
    try:
        await AuditEntry.documents().insert_one(entry, session=session)
    except DuplicateKeyError as error:
        raise Unavailable("The audit log is broken: 'stonechat audit verify' tells where") from error
    await heads.update_one(school, {"$set": {"hash": entry["hash"]}}, session=session)
    return entry
