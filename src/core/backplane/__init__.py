"""How the nodes of one application hear of each other: ``app.configure(backplane(url, …))``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .alone import EVERYWHERE, Alone, Backplane
from .service_events import ServiceEvents, TopicOf

if TYPE_CHECKING:
    from ..application import Application

__all__ = ["EVERYWHERE", "Alone", "Backplane", "backplane"]


def backplane(
    url: str = "", *, name: str, topic: TopicOf, lease: float = 15.0
) -> Callable[[Application], None]:
    """Share events with the nodes that use this Redis under this ``name``; without ``url`` there are none.

    ``topic(path, item)`` is the topic of an event of the service ``path``. ``lease``: the seconds after
    which a node that is not heard of counts as dead. Goes before whatever listens to other nodes. Raises
    ConfigurationError where the package for it is missing.
    """

    def configure(app: Application) -> None:
        if not url:
            return
        if find_spec("redis") is None:
            from ..configuration import ConfigurationError  # noqa: PLC0415 - it is built on this package

            raise ConfigurationError(["redis.url: needs the package redis (stonechat[redis])"])
        from .nodes import Nodes  # noqa: PLC0415 - the package redis is an extra

        nodes = Nodes(url, name, lease=lease)
        app.backplane = nodes
        app.publications.others = ServiceEvents(app, nodes, topic)

        async def lifetime(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            # Whatever the services read when they are set up, nothing that happens after it is missed.
            await nodes.start()
            await proceed()

        async def stop(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            try:
                await proceed()
            finally:
                await nodes.stop()

        app.hooks({"around": {"setup": [lifetime], "teardown": [stop]}})

    return configure
