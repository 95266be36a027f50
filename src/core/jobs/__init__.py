"""Work that goes on after the call that asked for it: ``app.configure(jobs(...))``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .ledger import Held, Ledger
from .task import GivenUp, Jobs, NoJobs, PutOff, Task, Work

if TYPE_CHECKING:
    from ..application import Application

__all__ = ["GivenUp", "Held", "Jobs", "Ledger", "NoJobs", "PutOff", "Task", "Work", "jobs"]


def jobs(
    ledger: Ledger | None = None,
    *,
    url: str = "",
    name: str = "stonechat",
    places: int = 8,
    lease: float = 15.0,
) -> Callable[[Application], None]:
    """Let services owe work; this process does some of it, ``places`` tasks at a time.

    ``ledger`` keeps what is owed; without one it is forgotten when the process ends. ``url`` is the Redis
    through which the nodes of ``name`` hear at once of what is due; without it, each looks for itself. An
    application whose setting ``background`` is false does nothing by itself. ``lease``: the seconds after
    which what a node did that is not heard of is done by another. Raises ConfigurationError where a package
    is missing.
    """

    def configure(app: Application) -> None:
        from .carrier import Carrier  # noqa: PLC0415 - these are built on the application
        from .memory import MemoryLedger  # noqa: PLC0415
        from .worker import Worker  # noqa: PLC0415

        if url and find_spec("taskiq_redis") is None:
            from ..configuration import ConfigurationError  # noqa: PLC0415 - as above

            raise ConfigurationError(["redis.url: needs the package taskiq-redis (stonechat[redis])"])
        app.jobs = worker = Worker(
            app, MemoryLedger() if ledger is None else ledger, places=places, lease=lease
        )
        if app.get("background") is False:
            return
        carrier = Carrier(app, worker.told, url=url, name=name, places=places)
        worker.tell = carrier.tell

        async def setup(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            await proceed()
            await carrier.start()
            worker.start()

        async def teardown(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            await worker.stop()
            await carrier.stop()
            await proceed()

        app.hooks({"around": {"setup": [setup], "teardown": [teardown]}})

    return configure
