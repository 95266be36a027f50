from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...core.context import Params
from ...models import Erasure
from ...models.jobs import Jobs, Progress
from .belongings import count_belongings
from .erasing import Erasing
from .rules import require_erasable


class ErasuresService(BeanieService):
    def __init__(self, app: Application, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Erasure, tenant="schoolId", paginate=paginate)
        self._app = app
        self.jobs = Jobs(app, "erasures", Erasure, self._erase)

    async def setup(self, app: Application, path: str) -> None:
        await self.jobs.setup()

    async def plan(self, user: Mapping[str, Any]) -> dict[str, int]:
        """What an erasure would take, in records of each kind. Raises Conflict where it would be refused."""
        await require_erasable(user)
        return await count_belongings(user["_id"])

    async def _erase(self, job: dict[str, Any], progress: Progress) -> dict[str, Any]:
        params = Params(tenant=job["schoolId"])
        user = await self._app.service("users").get(job["userId"], params)
        total = sum((await count_belongings(user["_id"])).values())
        await progress(0, total)

        async def tell(done: int, step: str) -> None:
            await progress(done, step=step)

        await Erasing(self._app, user, job["requestedBy"], tell).run()
        return {"done": total, "step": None}
