from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from marshmallow import Schema

from ..application import Application


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEvent:
    """An event that is no service's: one object, either way, in ``namespace`` or in that of everybody.

    ``reply`` is what a client's event is acknowledged with; where it fails, that is ``{error}``.
    """

    name: str
    sent_by: Literal["client", "server"]
    summary: str
    payload: Schema
    reply: Schema | None = None
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRoute:
    """A request that is no service's. ``path`` as Starlette writes it; ``takes`` its placeholders too."""

    verb: str
    path: str
    summary: str
    takes: Schema
    status: int = 200
    tag: str = ""


OwnEvents = Callable[[Application], Iterable[OwnEvent]]
OwnRoutes = Callable[[Application], Iterable[OwnRoute]]
