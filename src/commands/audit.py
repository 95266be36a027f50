"""``stonechat audit``: whether the audit logs are whole."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Any, Final

from ..app import create_app
from ..core.application import Application
from ..core.context import Params
from ..models.audit_chain import NOTHING, ChainBroken, Link, check_chain
from ..settings import load_settings
from .running import CommandError, configured, run_with

BROKEN: Final = 1


def add(options: argparse.ArgumentParser) -> None:
    kinds = options.add_subparsers(title="what to do", required=True, metavar="verify")
    text = "Walk through the audit logs; exit with 1 where an entry was changed, added or removed."
    verify = kinds.add_parser("verify", help=text, description=text)
    configured(verify, _verify)
    verify.add_argument("--school", metavar="SLUG", help="only the log of this school")
    verify.add_argument(
        "--known",
        type=_known,
        default=NOTHING,
        metavar="NUMBER:HASH",
        help="the school's newest entry of an earlier run, which must still be there",
    )


async def verify(app: Application, slug: str | None = None, known: Link = NOTHING) -> bool:
    """Print of one school, or of each, how long its log is or where it breaks; whether all are whole.

    Raises CommandError where no school has the slug.
    """
    query: dict[str, Any] = {"$sort": {"slug": 1}} if slug is None else {"slug": slug}
    schools = await app.service("schools").find(Params(query=query, paginate=False))
    if slug is not None and not schools:
        raise CommandError(f"there is no school '{slug}'")
    return all([await _is_whole(school, known) for school in schools])


async def _is_whole(school: dict[str, Any], known: Link) -> bool:
    name = school["slug"]

    def progress(number: int) -> None:
        print(f"{name}: {number} entries so far", file=sys.stderr)

    try:
        newest = await check_chain(school["_id"], known=known, progress=progress)
    except ChainBroken as broken:
        print(f"{name}: BROKEN, {broken}")
        return False
    at = f", the newest is {newest.number}:{newest.hash}" if newest.number else ""
    print(f"{name}: {newest.number} entries{at}")
    return True


def _verify(options: argparse.Namespace) -> None:
    if options.known is not NOTHING and options.school is None:
        raise CommandError("--known is an entry of one school: say --school")
    app = create_app(load_settings(extra=options.config), background=False)
    if not run_with(app, partial(verify, slug=options.school, known=options.known)):
        sys.exit(BROKEN)


def _known(text: str) -> Link:
    number, _, found = text.partition(":")
    if not number.isdecimal() or not found:
        raise argparse.ArgumentTypeError("must be NUMBER:HASH")
    return Link(int(number), found)
