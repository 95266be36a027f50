"""``stonechat erase``: take out of a school what is personal of a user."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from ..app import create_app
from ..core.application import Application
from ..core.context import HookContext, Params
from ..core.errors import FeathersError
from ..settings import load_settings
from .people import add_user, user_of
from .progress import ProgressLine
from .running import CommandError, configured, run_with


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _erase)
    add_user(options)
    options.add_argument("--dry-run", action="store_true", help="only say what would be taken out")


async def erase(app: Application, options: argparse.Namespace) -> None:
    """Raises CommandError where there is no such user, or the user may not be erased."""
    user = await user_of(app, options)
    erasures = app.service("erasures")
    try:
        plan = await erasures.plan(user)
        if options.dry_run:
            for name, count in plan.items():
                print(f"{name}: {count}")
            return
        job = await erasures.create({"userId": user["_id"]}, Params(tenant=user["schoolId"]))
    except FeathersError as error:
        raise CommandError(error.message) from None
    line = ProgressLine(options.user)

    def progressed(erasure: dict[str, Any], _: HookContext) -> None:
        if erasure["step"] is not None:
            line.show(f"{erasure['done']} of {erasure['total']} records, {erasure['step']}")

    erasures.on("patched", progressed)
    job = await erasures.jobs.run_one(job["_id"])
    line.end()
    if job["state"] != "DONE":
        raise CommandError(f"not all was taken out: {job['error']}")
    print(f"{options.user} is erased: {job['done']} records")


def _erase(options: argparse.Namespace) -> None:
    app = create_app(load_settings(extra=options.config), background=False)
    run_with(app, partial(erase, options=options))
