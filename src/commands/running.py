"""What a command has to do with: the application, and errors that a person reads."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from ..core.application import Application

T = TypeVar("T")

# There is no public name for what add_subparsers returns.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


class CommandError(Exception):
    """What a person can mend: printed as one line."""


def add_command(
    commands: Commands, name: str, command: Callable[[argparse.Namespace], None], text: str
) -> argparse.ArgumentParser:
    """A command that reads the configuration; its options are to be added."""
    added = commands.add_parser(name, help=text, description=text)
    added.set_defaults(command=command)
    added.add_argument("--config", type=Path, metavar="FILE", help="a TOML file over the configured layers")
    return added


def run_with(app: Application, work: Callable[[Application], Awaitable[T]]) -> T:
    """Do some work with the application set up, without serving it."""

    async def run() -> T:
        try:
            await app.setup()
            return await work(app)
        finally:
            await app.teardown()

    return asyncio.run(run())
