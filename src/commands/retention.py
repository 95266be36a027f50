"""``stonechat retention``: take out, now, the messages that schools no longer keep."""

from __future__ import annotations

import argparse
from functools import partial

from ..app import create_app
from ..core.application import Application
from ..services.retention.expiry import expunge_expired
from ..settings import load_settings
from .people import schools_of
from .progress import ProgressLine
from .running import configured, run_with


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _retention)
    options.add_argument("--school", metavar="SLUG", help="only this school")
    options.add_argument("--dry-run", action="store_true", help="only count them")


async def expunge(app: Application, slug: str | None = None, *, dry_run: bool = False) -> None:
    """Raises CommandError where no school has the slug."""
    for school in await schools_of(app, slug):
        line = ProgressLine(school["slug"], every=10)

        async def progress(messages: int, conversations: int, line: ProgressLine = line) -> None:
            line.show(f"{messages} messages of {conversations} conversations")

        expired = await expunge_expired(app, school, progress, dry_run=dry_run)
        line.end()
        done = "would be taken out" if dry_run else "taken out"
        print(
            f"{school['slug']}: {expired.messages} messages of {expired.conversations} conversations {done}"
        )


def _retention(options: argparse.Namespace) -> None:
    app = create_app(load_settings(extra=options.config), background=False)
    run_with(app, partial(expunge, slug=options.school, dry_run=options.dry_run))
