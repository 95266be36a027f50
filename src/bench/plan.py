"""What is to be measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """``rate`` in messages a second, ``churn`` in connections a minute, ``p99`` in milliseconds.

    ``growth`` in MiB is what the server's memory may grow by once it has settled.

    ``read`` is the share of what clients receive that they answer with a receipt. Without ``url`` a server is
    started for the measurement, and ``accounts`` are made.
    """

    clients: int = 200
    conversations: int = 20
    rate: float = 50.0
    seconds: float = 30.0
    churn: float = 0.0
    read: float = 0.1
    p99: float | None = None
    growth: float | None = None
    url: str | None = None
    accounts: Path | None = None
    samples: Path | None = None
