"""How many messages are written in conversations, by day and by week: for those who teach and keep order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...core.background import Background
from ...core.configuration import ConfigurationError
from ...models import Analytics
from .hooks import HOOKS
from .job import KIND, CountingJob
from .schema import AnalyticsResult

if TYPE_CHECKING:
    from .warehouse import Warehouse

PATH = "analytics"
METHODS = ("find", "get")
LOOKS_EVERY: Final = 60.0  # seconds


def configure(app: Application) -> None:
    """Raises ConfigurationError where a package is missing for PostgreSQL."""
    app.use(
        PATH,
        BeanieService(Analytics, tenant="schoolId", paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": AnalyticsResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
    settings = app.settings["analytics"]
    if settings["postgres_url"] is not None and find_spec("sqlalchemy") is None:
        raise ConfigurationError(["analytics.postgres_url: needs the package sqlalchemy (stonechat[sql])"])
    job = CountingJob(
        app, every_minutes=settings["every_minutes"], warehouse=_warehouse(app, settings["postgres_url"])
    )
    app.jobs.define(KIND, job.work)
    Background(app, PATH, job.owe, every=LOOKS_EVERY).attach()


def _warehouse(app: Application, url: str | None) -> Callable[[], Warehouse | None]:
    """Opened by who asks for it first, closed with the application."""
    opened: list[Warehouse] = []

    def warehouse() -> Warehouse | None:
        if url is None:
            return None
        if not opened:
            from .warehouse import Warehouse  # noqa: PLC0415 - an extra, and it takes a while to be imported

            opened.append(Warehouse(url))
        return opened[0]

    async def teardown(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
        await proceed()
        while opened:
            await opened.pop().close()

    app.hooks({"around": {"teardown": [teardown]}})
    return warehouse
