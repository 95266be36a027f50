"""Addresses of downloads, for who shows the same files again and again."""

from __future__ import annotations

import time
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Final

from .store import Store

LASTING: Final = timedelta(minutes=5)
SHOWN_SECONDS: Final = 60.0
"""For so long an address is shown again, so that a page costs little and browsers find what they have."""

MOST: Final = 10_000


class Links:
    """Download addresses of ``store`` that hold for five minutes, and for four at least when shown."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # _signed[key, name, media type] = (address, when it expires, until when it is shown)
        self._signed: OrderedDict[tuple[str, str, str], tuple[str, datetime, float]] = OrderedDict()

    async def __call__(self, key: str, *, name: str, media_type: str) -> tuple[str, datetime]:
        """The address and when it expires; whether there is a file is not looked at."""
        wanted, at = (key, name, media_type), time.monotonic()
        known = self._signed.get(wanted)
        if known is not None and at < known[2]:
            return known[:2]
        expires_at = datetime.now(UTC).replace(microsecond=0) + LASTING
        url = await self._store.sign_download(key, name=name, media_type=media_type, lasting=LASTING)
        self._signed[wanted] = (url, expires_at, at + SHOWN_SECONDS)
        self._signed.move_to_end(wanted)
        if len(self._signed) > MOST:
            self._signed.popitem(last=False)
        return url, expires_at
