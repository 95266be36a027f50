"""A new application."""

from __future__ import annotations

from pathlib import Path

from .files import write_new
from .names import GeneratorError, package_name
from .templates import render


def new_app(name: str, parent: Path, version: str) -> list[Path]:
    """Make the folder ``name`` in ``parent`` with an application that needs ``version`` of Stonechat.

    Returns the files, by their path in the new folder. Raises GeneratorError for a name that cannot
    be one and for a folder that is there already.
    """
    package = package_name(name)
    folder = parent / name
    if folder.exists():
        raise GeneratorError(f"{name} is there already")
    values = {"name": name, "package": package, "prefix": package.upper(), "version": version}
    return write_new(folder, render("app", values))
