"""``stonechat recount``: whether what is stored of counts is what there is to be counted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from beanie import PydanticObjectId

from ..app import create_app
from ..core.application import Application
from ..core.context import Params
from ..core.shapes import is_mapping
from ..models import Conversation
from ..models.journal import Journal
from ..models.mending import mend
from ..models.recount import Mismatch, mismatches
from ..settings import load_settings
from .running import CommandError, configured, run_with

WRONG: Final = 1
BATCH: Final = 500
"""Conversations that are counted at once, as of one moment."""


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _recount)
    options.add_argument("--school", metavar="SLUG", help="only the conversations of this school")
    options.add_argument("--mend", action="store_true", help="store what was counted, and tell clients of it")


async def recount(app: Application, slug: str | None = None, *, mending: bool = False) -> bool:
    """Print what is wrong; whether all is well in the end. Raises CommandError for an unknown slug."""
    wrong = mended = done = 0
    where = {} if slug is None else {"schoolId": await _school_id(app, slug)}
    async for ids in _batches(where):
        found = await _mismatches(ids)
        for one in found:
            print(f"{one.what} {one.id}: stored {_shown(one.stored)}, counted {_shown(one.counted)}")
        wrong += len(found)
        if mending and found:
            mended += await _mend(app.get("journal"), found)
        done += len(ids)
        print(f"{done} conversations counted", file=sys.stderr)
    if not wrong:
        print("nothing to mend")
    elif mending:
        print(f"{wrong} wrong, {mended} mended")
    else:
        print(f"{wrong} wrong; --mend stores what was counted")
    return mended == wrong


async def _school_id(app: Application, slug: str) -> PydanticObjectId:
    found = await app.service("schools").find(Params(query={"slug": slug}, paginate=False))
    if not found:
        raise CommandError(f"there is no school '{slug}'")
    school_id: PydanticObjectId = found[0]["_id"]
    return school_id


async def _batches(where: Mapping[str, Any]) -> AsyncIterator[list[Any]]:
    """The ids of the conversations, those too that are made meanwhile."""
    after: dict[str, Any] = {}
    while True:
        found = Conversation.documents().find({**where, **after}, {"_id": 1}).sort("_id").limit(BATCH)
        ids = [one["_id"] async for one in found]
        if not ids:
            return
        yield ids
        after = {"_id": {"$gt": ids[-1]}}


async def _mend(journal: Journal, found: Sequence[Mismatch]) -> int:
    """How many of them are not wrong any more."""
    torn = list(dict.fromkeys(one.conversation_id for one in found))
    for conversation_id in torn:
        await mend(journal, conversation_id)
    return len(found) - len(await _mismatches(torn))


async def _mismatches(conversation_ids: Sequence[Any]) -> list[Mismatch]:
    async with Conversation.documents().database.client.start_session(snapshot=True) as session:
        return await mismatches(conversation_ids, session)


def _shown(value: Any) -> str:
    """What a message says is nobody's business here."""
    if is_mapping(value) and "seq" in value:
        content = value.get("content")
        return f"message {value['seq']} " + (
            "without content" if content is None else f"of {len(content)} characters"
        )
    return str(value)


def _recount(options: argparse.Namespace) -> None:
    app = create_app(load_settings(extra=options.config), background=False)
    if not run_with(app, partial(recount, slug=options.school, mending=options.mend)):
        sys.exit(WRONG)
