"""``stonechat rotate-keys``: wrap the keys of encrypted conversations with the newest master key."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..app import create_app
from ..core.application import Application
from ..core.envelope import SealError
from ..models import EncryptionKey, Export
from ..models.record import ANY_TEXT, Record
from ..models.vault import SETTING, Vault
from ..settings import load_settings
from .progress import ProgressLine
from .running import CommandError, configured, run_with

BATCH: Final = 200

Owner = Callable[[Mapping[str, Any]], tuple[Any, int]]
"""Of which record, and in which version, a stored key is."""

KEYS: Final[tuple[tuple[type[Record], Owner], ...]] = (
    (EncryptionKey, lambda key: (key["conversationId"], key["version"])),
    (Export, lambda export: (export["_id"], 1)),
)


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _rotate_keys)


async def rotate_keys(app: Application) -> None:
    """What is done stays so, and a second run does the rest.

    Raises CommandError where there is no master key, or one that has wrapped a key is not there.
    """
    vault: Vault = app.get("vault")
    if vault.newest is None:
        raise CommandError(f"there is no master key: {SETTING}")
    line, done = ProgressLine("keys", every=10), 0
    for model, owner in KEYS:
        older = {"masterId": {"$ne": vault.newest, **ANY_TEXT}}
        while batch := await model.documents().find(older).limit(BATCH).to_list():
            for record in batch:
                await _rewrap(vault, model, record, owner(record))
                done += 1
            line.show(f"{done} wrapped")
    line.end()
    print(f"{done} keys wrapped with {vault.newest!r}; the other master keys wrap nothing any more")


async def _rewrap(
    vault: Vault, model: type[Record], record: Mapping[str, Any], owner: tuple[Any, int]
) -> None:
    try:
        fields = vault.rewrapped(record, *owner)
    except SealError as error:
        raise CommandError(f"the key of {owner[0]}, version {owner[1]}, cannot be opened: {error}") from None
    as_read = {name: record[name] for name in ("_id", "masterId")}
    await model.documents().update_one(as_read, {"$set": fields})


def _rotate_keys(options: argparse.Namespace) -> None:
    app = create_app(load_settings(extra=options.config), background=False)
    run_with(app, rotate_keys)
