"""``stonechat seed``: the demo data, which ``serve --demo`` makes too."""

from __future__ import annotations

import argparse

from .. import demo, demo_team
from ..app import create_app
from ..core.application import Application
from ..settings import Settings, load_settings
from .running import CommandError, configured, run_with


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _seed)


def seeded(app: Application, settings: Settings) -> str:
    """Let the application make what is missing whenever it is set up; says who can log in."""
    _refuse_production(settings)
    app.configure(demo.seeded)
    return _logins()


def _seed(options: argparse.Namespace) -> None:
    settings = load_settings(extra=options.config)
    _refuse_production(settings)
    made = run_with(create_app(settings, background=False), demo.seed_everything)
    print(f"{made} records made." if made else "Everything is there already.")
    print(_logins())


def _refuse_production(settings: Settings) -> None:
    if settings.environment == "production":
        raise CommandError("demo data is not for production: its passwords are known to everybody")


def _logins() -> str:
    everybody = (*demo.logins(), *demo_team.logins())
    rows = (f"  {email:<20} {role:<8} {school}" for school, email, role in everybody)
    return "\n".join((f"Demo logins, password {demo.PASSWORD}:", *rows))
