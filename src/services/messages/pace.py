from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ...core.errors import TooManyRequests


def refuse_too_fast(place: Mapping[str, Any], conversation: Mapping[str, Any], at: datetime) -> None:
    """Raises TooManyRequests for who writes ``at`` that moment, and has written too shortly before."""
    pace = timedelta(seconds=conversation["slowModeSeconds"])
    last: datetime | None = place.get("lastSentAt")
    if last is not None and at - last < pace:
        raise TooManyRequests(
            f"This conversation is slow: one message every {pace.total_seconds():g} seconds",
            {"code": "SLOW_MODE", "retryAfter": (pace - (at - last)).total_seconds()},
        )
