"""Errors that a person reads a line of, and no traceback."""

from __future__ import annotations

from typing import Final

from pymongo.errors import PyMongoError

from ..core.configuration import ConfigurationError
from ..core.extensions import ExtensionError
from ..core.mongod import MongodError
from ..generators import GeneratorError
from .running import CommandError

TELLING: Final = (CommandError, ConfigurationError, ExtensionError, GeneratorError, MongodError)


def reason_of(error: Exception) -> str | None:
    """None for an error of the program."""
    if isinstance(error, TELLING):
        return str(error)
    if isinstance(error, PyMongoError):
        return f"the database does not answer: {str(error).partition(',')[0]}"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    return None
