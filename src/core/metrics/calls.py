"""Counting and timing calls, without a lock and without looking labels up in a call."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric

from ..context import Connection, HookContext
from ..errors import BY_CODE, FeathersError
from ..hooks import Step
from ..observer import EventHandler

if TYPE_CHECKING:
    from ..service import Service

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
OK: Final = "200"
CANCELLED: Final = "cancelled"
UNKNOWN: Final = "unknown"
INTERNAL: Final = "internal"
PROVIDERS: Final = {None: INTERNAL, "rest": "rest", "socketio": "socketio", "sse": "sse"}

Labels = tuple[str, ...]


class Durations:
    """A histogram of seconds, of one set of labels."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """``(upper bound, count)`` as Prometheus wants them."""
        buckets: list[tuple[str, float]] = []
        below = 0
        for bound, count in zip((*map(str, SECONDS), "+Inf"), tuple(self.counts), strict=True):
            below += count
            buckets.append((bound, below))
        return buckets


class Times:
    """The calls of one set of labels: how long they took, and how many ended with which status."""

    __slots__ = ("durations", "statuses")

    def __init__(self) -> None:
        self.durations = Durations()
        self.statuses: dict[str, int] = {}

    def add(self, seconds: float, status: str) -> None:
        self.durations.add(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1


class CallTimes:
    """An observer of all calls and own events; a collector of a registry.

    Labels are names of registered services, methods and events, never what a client sent.
    """

    def __init__(self) -> None:
        self._calls: dict[Labels, Times] = {}
        self._events: dict[Labels, Times] = {}

    def call(self, service: Service, method: str, chain: Step) -> Step:
        times = {
            provider: self._calls.setdefault((service.path, method, name), Times())
            for provider, name in PROVIDERS.items()
        }
        others = self._calls.setdefault((service.path, method, UNKNOWN), Times())

        async def measured(context: HookContext) -> None:
            mine = times.get(context.params.get("provider"), others)
            status = OK
            started = perf_counter()
            try:
                await chain(context)
            except BaseException as error:
                status = status_of(error)
                raise
            finally:
                mine.add(perf_counter() - started, status)

        return measured

    def event(self, name: str, handler: EventHandler) -> EventHandler:
        mine = self._events.setdefault((name,), Times())

        async def measured(connection: Connection, payload: Any) -> Any:
            status = OK
            started = perf_counter()
            try:
                return await handler(connection, payload)
            except BaseException as error:
                status = status_of(error)
                raise
            finally:
                mine.add(perf_counter() - started, status)

        return measured

    def collect(self) -> Iterator[Metric]:
        yield from _families(
            ("stonechat_calls", "Calls of services that have ended."),
            ("stonechat_call_seconds", "Time of a call with its hooks, without sending its event."),
            ("service", "method", "provider"),
            self._calls,
        )
        yield from _families(
            ("stonechat_socket_events", "Own events of clients that have been answered."),
            ("stonechat_socket_event_seconds", "Time of answering an own event of a client."),
            ("event",),
            self._events,
        )


def status_of(error: BaseException) -> str:
    """The code that a client gets, which is one of the framework's."""
    if not isinstance(error, Exception):
        return CANCELLED
    if not isinstance(error, FeathersError):
        return "500"
    return str(error.code) if error.code in BY_CODE else UNKNOWN


def _families(
    count: tuple[str, str], duration: tuple[str, str], labels: Iterable[str], by_labels: dict[Labels, Times]
) -> Iterator[Metric]:
    """What has not been called yet is left out: most methods have no callers of some providers."""
    counter = CounterMetricFamily(*count, labels=[*labels, "status"])
    histogram = HistogramMetricFamily(*duration, labels=list(labels))
    for values, times in tuple(by_labels.items()):
        statuses = tuple(times.statuses.items())
        for status, number in statuses:
            counter.add_metric([*values, status], number)
        if statuses:
            histogram.add_metric(list(values), times.durations.cumulative(), times.durations.total)
    yield counter
    yield histogram
