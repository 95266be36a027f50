"""Which fields of a record a call answers with."""

from __future__ import annotations

from typing import Final

from ..core.application import Application
from ..core.context import HookContext

WRITING: Final = ("create", "update", "patch", "remove")


def selection(app: Application) -> None:
    """``$select`` is for reading: what is written is answered whole.

    The record of a write is also the event's, and publishers and hooks must find in it whose it is.
    """
    app.hooks({"before": {method: [answer_whole] for method in WRITING}})


def answer_whole(context: HookContext) -> None:
    if context.params.provider and "$select" in context.params.query:
        query = context.params.query
        context.params.query = {name: value for name, value in query.items() if name != "$select"}
