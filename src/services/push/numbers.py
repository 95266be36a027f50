from __future__ import annotations

from functools import partial
from typing import Final

from ...core.application import Application
from ...core.metrics import readings
from ...core.push import Delivered, Gone, Later, Outcome, Refused

COUNTED: Final = {
    Delivered: ("pushes_delivered", "Pushes that providers have taken."),
    Gone: ("pushes_gone", "Pushes for tokens that no device has any more."),
    Later: ("pushes_put_off", "Pushes that providers want to have later."),
    Refused: ("pushes_refused", "Pushes that providers do not take."),
}


class Numbers:
    """What became of the pushes of this process, for the metrics."""

    def __init__(self, app: Application) -> None:
        self._counts: dict[type[Outcome], int] = dict.fromkeys(COUNTED, 0)
        for kind, (name, text) in COUNTED.items():
            readings(app).counter(name, text, partial(self._counts.__getitem__, kind))

    def count(self, outcome: Outcome) -> None:
        self._counts[type(outcome)] += 1
