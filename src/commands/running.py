"""What a command has to do with: its options, the application, and errors that a person reads."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ..core.application import Application

T = TypeVar("T")


class CommandError(Exception):
    """What a person can mend: printed as one line."""


def configured(options: argparse.ArgumentParser, command: Callable[[argparse.Namespace], None]) -> None:
    """Options of a command that reads the configuration."""
    options.set_defaults(command=command)
    options.add_argument("--config", type=Path, metavar="FILE", help="a TOML file over the configured layers")


def run_with(app: Application, work: Callable[[Application], Awaitable[T]]) -> T:
    """Do some work with the application set up, without serving it."""

    async def run() -> T:
        try:
            await app.setup()
            return await work(app)
        finally:
            await app.teardown()

    return asyncio.run(run())
