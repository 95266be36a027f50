"""Files: ``app.configure(storage(store))``; then ``storage_of(app)`` is the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from ..application import Application
from .links import Links
from .local import LocalStore
from .s3 import Bucket, S3Store
from .serving import serve_files
from .store import NotStoredError, Store, Stored, Upload, check_key, delete_below, disposition

STORAGE: Final = "storage.store"
LINKS: Final = "storage.links"

__all__ = [
    "Bucket",
    "Links",
    "LocalStore",
    "NotStoredError",
    "S3Store",
    "Store",
    "Stored",
    "Upload",
    "check_key",
    "delete_below",
    "disposition",
    "links_of",
    "storage",
    "storage_of",
]


def storage(store: Store) -> Callable[[Application], None]:
    """Keep the application's files in ``store``; those of a local one it serves itself."""

    def configure(app: Application) -> None:
        app.set(STORAGE, store)
        app.set(LINKS, Links(store))
        if isinstance(store, LocalStore):
            serve_files(app, store)

    return configure


def storage_of(app: Application) -> Store:
    return cast("Store", app.get(STORAGE))


def links_of(app: Application) -> Links:
    return cast("Links", app.get(LINKS))
