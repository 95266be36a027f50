"""What was measured, for people and for programs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean
from typing import Any, Final

from .figures import Figures
from .histogram import Histogram
from .plan import Plan

QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
SETTLED_SECONDS: Final = 300.0
"""So long caches and pools may fill, until memory is to stay what it is."""


@dataclass(frozen=True, slots=True)
class Report:
    """``lasted`` is how long messages were sent for; ``own_cpu`` what this process used then, in cores."""

    plan: Plan
    figures: Figures
    lasted: float
    own_cpu: float

    @property
    def server_cpu(self) -> float | None:
        """In cores, while messages were sent and what was left of them arrived."""
        return _cores([(one.seconds, one.cpu_seconds) for one in self.figures.samples])

    @property
    def database_cpu(self) -> float | None:
        return _cores([(one.seconds, one.database_cpu_seconds) for one in self.figures.samples])

    def memory(self, since: float = 0.0, until: float = math.inf) -> list[int]:
        """Resident memory of the server in KiB, sample by sample, between two seconds."""
        return [
            one.rss_kib
            for one in self.figures.samples
            if one.rss_kib is not None and since <= one.seconds <= until
        ]

    @property
    def growth(self) -> float | None:
        """MiB by which the server was larger in the last minute than in that after it had settled.

        None where messages were not sent for long enough.
        """
        settled = self.memory(SETTLED_SECONDS, SETTLED_SECONDS + 60)
        last = self.memory(self.lasted - 60, self.lasted)
        if not settled or not last or self.lasted < SETTLED_SECONDS + 120:
            return None
        return (mean(last) - mean(settled)) / 1024

    def failures(self) -> list[str]:
        """Why the measured server does not pass; empty where it does."""
        figures, failed = self.figures, list[str]()
        if figures.duplicates:
            failed.append(f"{figures.duplicates} messages arrived twice")
        if figures.gaps:
            failed.append(f"{figures.gaps} messages did not arrive")
        if not figures.delivered:
            failed.append("no message was delivered")
        p99, bound = figures.deliveries.quantile(0.99), self.plan.p99
        if bound is not None and p99 is not None and p99 / 1000 > bound:
            failed.append(f"p99 of the deliveries is {p99 / 1000:.1f} ms, more than {bound:g} ms")
        if self.plan.growth is not None and self.growth is not None and self.growth > self.plan.growth:
            failed.append(f"the server grew by {self.growth:.1f} MiB, more than {self.plan.growth:g} MiB")
        return failed

    def to_json(self) -> dict[str, Any]:
        """Latencies in milliseconds, rates a second, CPU in cores, memory in KiB."""
        plan, figures, memory = self.plan, self.figures, self.memory()
        asked = ("clients", "conversations", "rate", "seconds", "churn", "read", "url")
        counted = (
            *("connect_failures", "sent", "acknowledged", "delivered", "read", "abandoned"),
            *("duplicates", "gaps", "out_of_order", "reconnects", "left_and_added"),
        )
        return {
            "plan": {name: getattr(plan, name) for name in asked},
            "seconds": round(self.lasted, 2),
            "rates": {name: self._rate(getattr(figures, name)) for name in ("acknowledged", "delivered")},
            **{name: getattr(figures, name) for name in counted},
            "latency_ms": {
                "connect": _milliseconds(figures.connects),
                "acknowledgement": _milliseconds(figures.acknowledgements),
                "delivery": _milliseconds(figures.deliveries),
                "sent_late": _milliseconds(figures.late_sends),
            },
            "errors": dict(figures.errors.most_common()),
            "server": {
                "cpu": None if self.server_cpu is None else round(self.server_cpu, 3),
                "rss_kib": {"first": memory[0], "last": memory[-1], "most": max(memory)} if memory else None,
                "growth_mib": None if self.growth is None else round(self.growth, 2),
            },
            "database": {"cpu": None if self.database_cpu is None else round(self.database_cpu, 3)},
            "load_cpu": round(self.own_cpu, 3),
            "failures": self.failures(),
        }

    def lines(self) -> Iterable[str]:
        plan, figures = self.plan, self.figures
        yield (
            f"{plan.clients} clients in {plan.conversations} conversations, {plan.rate:g} messages/s "
            f"for {self.lasted:.0f} s"
        )
        yield ""
        yield f"{'ms':<18}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}{'count':>11}"
        for name, histogram in (
            ("connect", figures.connects),
            ("acknowledgement", figures.acknowledgements),
            ("delivery", figures.deliveries),
            ("sent late", figures.late_sends),
        ):
            shown = (
                f"{'-' if value is None else f'{value:.1f}':>9}"
                for value in _milliseconds(histogram).values()
            )
            yield f"{name:<18}{''.join(shown)}{histogram.count:>11,}"
        yield ""
        answered = self._rate(figures.acknowledged)
        yield f"acknowledged      {answered:,}/s, {figures.acknowledged:,} of {figures.sent:,} sent"
        yield f"delivered         {self._rate(figures.delivered):,}/s, {figures.delivered:,}"
        yield f"duplicates, gaps  {figures.duplicates}, {figures.gaps}; out of order {figures.out_of_order}"
        yield (
            f"came back         {figures.reconnects} connections, {figures.left_and_added} members; "
            f"{figures.abandoned} calls were cut off by that"
        )
        yield f"connect failures  {figures.connect_failures}"
        if self.server_cpu is not None:
            memory = self.memory()
            yield (
                f"server            {self.server_cpu:.2f} cores; RSS {memory[0] // 1024} MiB at first, "
                f"{memory[-1] // 1024} MiB at last, {max(memory) // 1024} MiB at most"
            )
        if self.growth is not None:
            yield f"its growth        {self.growth:+.1f} MiB after {SETTLED_SECONDS // 60:.0f} minutes"
        if self.database_cpu is not None:
            yield f"database          {self.database_cpu:.2f} cores"
        yield f"this process      {self.own_cpu:.2f} cores"
        for kind, count in figures.errors.most_common():
            yield f"error             {count} x {kind}"
        yield ""
        failures = self.failures()
        yield from (f"FAILED: {reason}" for reason in failures)
        if not failures:
            yield "passed"

    def _rate(self, count: int) -> float:
        return round(count / self.lasted, 1) if self.lasted else 0.0


def _cores(used: Iterable[tuple[float, float | None]]) -> float | None:
    """From ``(seconds, CPU seconds until then)``."""
    known = [(seconds, cpu) for seconds, cpu in used if cpu is not None]
    if len(known) < 2:
        return None
    (began, before), (ended, after) = known[0], known[-1]
    return (after - before) / max(ended - began, 1e-9)


def _milliseconds(histogram: Histogram) -> dict[str, float | None]:
    found = {name: histogram.quantile(share) for name, share in QUANTILES.items()}
    found["max"] = histogram.longest if histogram.count else None
    return {name: None if value is None else round(value / 1000, 2) for name, value in found.items()}
