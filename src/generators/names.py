"""What people may call what they make, and what it is called in code then."""

from __future__ import annotations

import keyword
import re
import sys
from typing import Final

NAME: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
LONGEST: Final = 30  # with it, no line of a template gets too long
TAKEN: Final = frozenset({"stonechat", "tests"})


class GeneratorError(Exception):
    """What cannot be made, and why: for a person to read."""


def module_name(name: str) -> str:
    """``class-notes`` → ``class_notes``. Raises GeneratorError for what can be no name."""
    module = name.replace("-", "_")
    if not NAME.fullmatch(name):
        raise GeneratorError(
            f"{name!r} is not a name: lower-case letters, digits and single hyphens, as in my-notes"
        )
    if len(name) > LONGEST:
        raise GeneratorError(f"{name!r} is too long: {LONGEST} characters at most")
    if keyword.iskeyword(module):
        raise GeneratorError(f"{name!r} is a word of Python's and cannot be a name")
    return module


def package_name(name: str) -> str:
    """As ``module_name``; a package must not hide another one besides."""
    package = module_name(name)
    if package in TAKEN or package in sys.stdlib_module_names:
        raise GeneratorError(f"{name!r} is the name of another package, which it would hide")
    return package


def class_name(module: str) -> str:
    """``class_notes`` → ``ClassNotes``."""
    return "".join(word.capitalize() for word in module.split("_"))
