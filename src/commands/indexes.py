"""``stonechat indexes``: make the database's indexes, and list them."""

from __future__ import annotations

import argparse

from ..app import create_app
from ..core.application import Application
from ..models import MODELS
from ..settings import load_settings
from .running import configured, run_with
from .tables import print_table


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _indexes)


def _indexes(options: argparse.Namespace) -> None:
    rows = run_with(create_app(load_settings(extra=options.config), background=False), _rows)
    print_table(("COLLECTION", "INDEX", "KEYS", "KIND"), rows)


async def _rows(_: Application) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for model in MODELS:
        collection = model.documents()
        for name, index in sorted((await collection.index_information()).items()):
            kind = " ".join(word for word in ("unique", "partialFilterExpression") if word in index)
            keys = ", ".join(f"{field}:{order}" for field, order in index["key"])
            rows.append((collection.name, name, keys, kind.replace("FilterExpression", "")))
    return rows
