"""What waits for slow clients, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from ..application import Application
from ..transports.realtime import Sockets


class SocketNumbers:
    """A collector of the numbers of the real-time transport.

    It looks at clients, so ``look`` is called in the event loop, before another thread collects.
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self._queued = (0, 0)

    def look(self) -> None:
        if isinstance(self._app.realtime, Sockets):
            self._queued = self._app.realtime.queued

    def collect(self) -> Iterator[Metric]:
        sockets = self._app.realtime
        if not isinstance(sockets, Sockets):
            return
        total, most = self._queued
        yield GaugeMetricFamily("stonechat_sockets_queued_bytes", "Bytes that wait for slow clients.", total)
        yield GaugeMetricFamily("stonechat_sockets_queued_max_bytes", "The most of one client.", most)
        for name, text, number in (
            ("dropped", "Ephemeral events that were not sent to slow clients.", sockets.dropped),
            ("cut_off", "Clients that were disconnected for reading too slowly.", sockets.cut_off),
            ("refused", "Sockets that were refused because their address has too many.", sockets.refused),
            ("broadcasts", "Events of any kind that were sent to sockets.", sockets.broadcasts),
            ("deliveries", "Sockets that these were sent to.", sockets.deliveries),
        ):
            yield CounterMetricFamily(f"stonechat_sockets_{name}", text, number)
