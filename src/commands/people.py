"""Schools and users as a command line names them."""

from __future__ import annotations

import argparse
from typing import Any

from ..core.application import Application
from ..core.context import Params
from .running import CommandError


def add_user(options: argparse.ArgumentParser) -> None:
    options.add_argument("--user", required=True, metavar="EMAIL", help="whose data it is")
    options.add_argument("--school", required=True, metavar="SLUG", help="the user's school")


async def schools_of(app: Application, slug: str | None) -> list[dict[str, Any]]:
    """The school with the slug, or all. Raises CommandError where there is none."""
    query: dict[str, Any] = {"$sort": {"slug": 1}} if slug is None else {"slug": slug}
    found: list[dict[str, Any]] = await app.service("schools").find(Params(query=query, paginate=False))
    if slug is not None and not found:
        raise CommandError(f"there is no school '{slug}'")
    return found


async def user_of(app: Application, options: argparse.Namespace) -> dict[str, Any]:
    """Raises CommandError where the school has nobody of that e-mail."""
    (school,) = await schools_of(app, options.school)
    query = {"email": options.user.strip().lower(), "$limit": 1}
    found = await app.service("users").find(Params(query=query, tenant=school["_id"], paginate=False))
    if not found:
        raise CommandError(f"nobody of '{options.school}' has the e-mail {options.user}")
    user: dict[str, Any] = found[0]
    return user
