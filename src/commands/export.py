"""``stonechat export``: write what is kept of a user to a file."""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ..app import create_app
from ..core.application import Application
from ..settings import load_settings
from .people import add_user, user_of
from .progress import ProgressLine
from .running import configured, run_with


class FileSink:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    async def write(self, data: bytes) -> None:
        self._file.write(data)


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _export)
    add_user(options)
    options.add_argument("file", type=Path, metavar="FILE.zip", help="the file to make, which must not exist")


async def export(app: Application, options: argparse.Namespace) -> None:
    """Raises CommandError where there is no such user, FileExistsError for a file that is there."""
    user = await user_of(app, options)
    exports = app.service("exports")
    total, line = await exports.count(user), ProgressLine(options.user, every=10)

    async def progress(done: int) -> None:
        line.show(f"{done} of {total} records")

    # Nobody but who runs the command may read it.
    made = os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(made, "wb") as file:
            await exports.write(user, FileSink(file), progress)
    except BaseException:
        options.file.unlink()
        raise
    line.end()
    print(f"{options.file}: {options.file.stat().st_size} bytes")


def _export(options: argparse.Namespace) -> None:
    app = create_app(load_settings(extra=options.config), background=False)
    run_with(app, partial(export, options=options))
