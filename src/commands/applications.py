"""The application that a command line names."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from ..core.application import Application
from ..core.logs import configure_logs
from ..settings import Settings, load_settings
from .running import CommandError


def add_location(options: argparse.ArgumentParser) -> None:
    options.add_argument("app", nargs="?", metavar="MODULE:APP", help="an application; default: the school")


def application_of(options: argparse.Namespace) -> tuple[Application, Settings]:
    """Raises CommandError where there is none."""
    settings = load_settings(extra=options.config, school=options.app is None)
    if options.app is None:
        from ..app import create_app  # noqa: PLC0415 - other applications load nothing of the school

        return create_app(settings), settings
    configure_logs(settings.logs.level, settings.logs.format)
    return _loaded(options.app), settings


def _loaded(location: str) -> Application:
    module_name, _, attribute = location.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        app = getattr(importlib.import_module(module_name), attribute or "app")
    except (ImportError, AttributeError) as error:
        raise CommandError(f"cannot load {location}: {error}") from None
    if not isinstance(app, Application):
        raise CommandError(f"{location} is not a Stonechat application")
    return app
