from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from marshmallow import Schema

from ..application import Application


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEvent:
    """An event that is no service's: one object, either way.

    ``reply`` is what a client's event is acknowledged with; where it fails, that is ``{error}``.
    """

    name: str
    sent_by: Literal["client", "server"]
    summary: str
    payload: Schema
    reply: Schema | None = None


OwnEvents = Callable[[Application], Iterable[OwnEvent]]
