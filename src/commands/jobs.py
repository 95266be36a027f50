"""``stonechat jobs``: the work that is owed, and what has failed of it."""

from __future__ import annotations

import argparse
from functools import partial

from ..app import create_app
from ..core.application import Application
from ..models.owed import piles, retry_failed
from ..settings import load_settings
from .running import configured, run_with


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _jobs)
    options.add_argument("--kind", help="only tasks of this kind")
    options.add_argument("--retry", action="store_true", help="have done anew what has failed")


async def show(app: Application, kind: str | None = None, *, retry: bool = False) -> None:
    """Print a line for each kind and state."""
    if retry:
        print(f"{await retry_failed(kind)} tasks are tried again")
    found = await piles(kind)
    for pile in found:
        reason = f", {pile.error}" if pile.error else ""
        print(f"{pile.kind}: {pile.count} {pile.state}, the oldest since {pile.since:%Y-%m-%d %H:%M}{reason}")
    if not found:
        print("nothing is owed")


def _jobs(options: argparse.Namespace) -> None:
    app = create_app(load_settings(extra=options.config), background=False)
    run_with(app, partial(show, kind=options.kind, retry=options.retry))
