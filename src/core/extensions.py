"""Packages of other teams: each has a ``configure(app)`` as an entry point ``stonechat.extensions``."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.metadata import EntryPoint, entry_points
from typing import Final, Literal

import structlog

from .application import Application

GROUP: Final = "stonechat.extensions"

logger = structlog.stdlib.get_logger(__name__)


class ExtensionError(RuntimeError):
    """An extension is missing or failed; the message names it and its package."""


def extensions(enabled: Collection[str] | Literal["all"] = "all") -> Callable[[Application], None]:
    """Configure the installed extensions, or those ``enabled`` by name, in the order of their names.

    Goes after the services that they hook into. Raises ExtensionError for one that is enabled but
    not installed, or that fails.
    """

    def configure(app: Application) -> None:
        installed = {entry.name: entry for entry in entry_points(group=GROUP)}
        names = installed.keys() if enabled == "all" else enabled
        missing = sorted(set(names) - installed.keys())
        if missing:
            raise ExtensionError(f"extension not installed: {', '.join(missing)}")
        for name in sorted(names):
            _configure(app, installed[name])

    return configure


def _configure(app: Application, entry: EntryPoint) -> None:
    package = entry.dist.name if entry.dist is not None else entry.value
    try:
        app.configure(entry.load())
    except Exception as error:
        raise ExtensionError(f"extension '{entry.name}' of {package} failed: {error}") from error
    logger.info("extension configured", extension=entry.name, package=package)
