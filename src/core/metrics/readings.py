"""Numbers that others keep, and that are read when somebody wants to know."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import structlog
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from ..remembered import Remembered

logger = structlog.stdlib.get_logger(__name__)

REMEMBERED_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 1.0

Read = Callable[[], float | None]
Ask = Callable[[], Awaitable[float]]


class Readings:
    """A collector of a registry. A number that is None, or cannot be had in a second, is left out."""

    def __init__(self) -> None:
        # _read[name] = (what it means, how to read it)
        self._gauges: dict[str, tuple[str, Read]] = {}
        self._counters: dict[str, tuple[str, Read]] = {}
        self._asked: dict[str, Remembered[float | None]] = {}

    def gauge(self, name: str, text: str, read: Read) -> None:
        """A number that goes up and down; ``name`` without the prefix ``stonechat_``."""
        self._gauges[f"stonechat_{name}"] = (text, read)

    def counter(self, name: str, text: str, read: Read) -> None:
        """A number that only grows; ``name`` without ``stonechat_`` and ``_total``."""
        self._counters[f"stonechat_{name}"] = (text, read)

    def asked(self, name: str, text: str, ask: Ask) -> None:
        """A gauge that costs a question to a database: asked once in 5 seconds at most."""
        answers: dict[str, float | None] = {}

        async def ask_in_time() -> float | None:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    answers[name] = await ask()
            except Exception as error:  # noqa: BLE001 - what is measured may be the very thing that fails
                logger.warning("a number for the metrics is missing", metric=name, reason=repr(error))
                answers[name] = None
            return answers[name]

        self._asked[name] = Remembered(ask_in_time, seconds=REMEMBERED_SECONDS)
        self.gauge(name, text, lambda: answers.get(name))

    async def ask(self) -> None:
        """Have the answers of all that are asked."""
        await asyncio.gather(*(question() for question in self._asked.values()))

    def collect(self) -> Iterator[Metric]:
        for name, (text, read) in self._gauges.items():
            if (number := read()) is not None:
                yield GaugeMetricFamily(name, text, number)
        for name, (text, read) in self._counters.items():
            if (number := read()) is not None:
                yield CounterMetricFamily(name, text, number)
