"""The work that is owed, and how it went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric

from ..application import Application
from .calls import Durations


class JobNumbers:
    """Listens to the application's ``job``; a collector of a registry."""

    def __init__(self, app: Application) -> None:
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._durations: dict[str, Durations] = {}
        app.on("job", self._ended)

    def collect(self) -> Iterator[Metric]:
        outcomes = CounterMetricFamily(
            "stonechat_jobs", "Attempts at owed work that have ended.", labels=["kind", "outcome"]
        )
        for labels, number in tuple(self._outcomes.items()):
            outcomes.add_metric(labels, number)
        yield outcomes
        seconds = HistogramMetricFamily(
            "stonechat_job_seconds", "Time of an attempt at owed work.", labels=["kind"]
        )
        for kind, durations in tuple(self._durations.items()):
            seconds.add_metric([kind], durations.cumulative(), durations.total)
        yield seconds

    def _ended(self, kind: str, outcome: str, seconds: float) -> None:
        self._outcomes[kind, outcome.replace(" ", "_")] += 1
        self._durations.setdefault(kind, Durations()).add(seconds)
