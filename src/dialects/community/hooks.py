"""The shape of what comes in: no rule of the school."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema

from ...core.context import HookContext, Http
from ...core.schema import validate_data, validate_query

SPEAKS: Final = "speaksCommunity"
"""Of a connection: it has called one of these services."""


def hooks(query: Schema, *, create: Schema | None = None, patch: Schema | None = None) -> dict[str, Any]:
    before: dict[str, Any] = {"all": [remember, validate_query(query)]}
    if create is not None:
        before["create"] = [validate_data(create)]
    if patch is not None:
        before["patch"] = [validate_data(patch, partial=True)]
    return {"before": before}


def media_hooks() -> dict[str, Any]:
    return {"after": {"get": [show_the_way]}}


def remember(context: HookContext) -> None:
    connection = context.params.connection
    if connection is not None:
        connection[SPEAKS] = True


def show_the_way(context: HookContext) -> None:
    context.http = Http(status=302, location=context.result["url"])
