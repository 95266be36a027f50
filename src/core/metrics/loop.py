"""How late the event loop is: what a call waits for that has nothing to do with it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics_core import GaugeMetricFamily, HistogramMetricFamily, Metric

from .calls import Durations

EVERY_SECONDS: Final = 0.05


class LoopLag:
    """Has itself called 20 times a second and notes how much too late that was."""

    def __init__(self) -> None:
        self._lags = Durations()
        self._longest = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(EVERY_SECONDS, self._sample, loop, loop.time() + EVERY_SECONDS)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def collect(self) -> Iterator[Metric]:
        longest, self._longest = self._longest, 0.0
        yield HistogramMetricFamily(
            "stonechat_loop_lag_seconds",
            "How much too late the event loop was, sampled 20 times a second.",
            buckets=self._lags.cumulative(),
            sum_value=self._lags.total,
        )
        yield GaugeMetricFamily(
            "stonechat_loop_lag_max_seconds", "The longest of these since the last scrape.", longest
        )

    def _sample(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = loop.time()
        lag = max(0.0, now - due)
        self._lags.add(lag)
        self._longest = max(self._longest, lag)
        self._timer = loop.call_later(EVERY_SECONDS, self._sample, loop, now + EVERY_SECONDS)
