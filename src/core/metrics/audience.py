"""Who is connected, and what is sent to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from ..application import Application
from ..context import Connection
from ..service import Service
from .calls import UNKNOWN

TRANSPORTS: Final = ("socketio", "sse")


class Audience:
    """Listens to the application's events about connections and publications."""

    def __init__(self, app: Application) -> None:
        self._connections: set[Connection] = set()
        self._published: Counter[tuple[str, str]] = Counter()
        self._deliveries: Counter[tuple[str, str]] = Counter()
        app.on("connection", self._connections.add)
        app.on("disconnect", self._connections.discard)
        app.on("publish", self._publish)

    def collect(self) -> Iterator[Metric]:
        connections = tuple(self._connections)
        open_ones = GaugeMetricFamily("stonechat_connections", "Open connections.", labels=["transport"])
        by_transport = Counter(one.provider if one.provider in TRANSPORTS else UNKNOWN for one in connections)
        for transport in (*TRANSPORTS, UNKNOWN):
            open_ones.add_metric([transport], by_transport[transport])
        yield open_ones
        users = {_id(one.user) for one in connections if one.user is not None}
        yield GaugeMetricFamily("stonechat_users", "Users with a connection that is logged in.", len(users))
        for name, text, numbers in (
            ("stonechat_published", "Events of services that were published, by payload.", self._published),
            ("stonechat_deliveries", "Connections that published events were meant for.", self._deliveries),
        ):
            family = CounterMetricFamily(name, text, labels=["service", "event"])
            for labels, number in tuple(numbers.items()):
                family.add_metric(labels, number)
            yield family

    def _publish(self, service: Service, event: str, payload: Any, connections: list[Connection]) -> None:
        labels = (service.path, event)
        self._published[labels] += 1
        self._deliveries[labels] += len(connections)


def _id(user: dict[str, Any]) -> str:
    return str(user.get("_id", user.get("id")))
