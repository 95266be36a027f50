from __future__ import annotations

from typing import Final, Literal, get_args

StatusName = Literal["available", "busy", "invisible"]
STATUSES: Final[tuple[StatusName, ...]] = get_args(StatusName)
