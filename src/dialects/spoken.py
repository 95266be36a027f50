"""Which dialects an application speaks."""

from __future__ import annotations

from typing import Final

from ..core.application import Application
from .dialect import Dialect

SPOKEN: Final = "dialects.spoken"


def speak(app: Application, dialect: Dialect) -> None:
    app.set(SPOKEN, (*spoken(app), dialect))


def spoken(app: Application) -> tuple[Dialect, ...]:
    dialects: tuple[Dialect, ...] = app.get(SPOKEN) or ()
    return dialects
