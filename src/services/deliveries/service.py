from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.adapters.beanie import BeanieService
from ...core.context import Params
from ...core.errors import Conflict
from ...models import Delivery
from ...models.record import now


class DeliveriesService(BeanieService):
    def __init__(self, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Delivery, tenant="schoolId", paginate=paginate)

    async def retry(self, data: Any, params: Params | None = None) -> Any:
        """Try once more, and as often as at first, what was given up. ``data``: ``deliveryId``.

        Raises Conflict for what is not FAILED.
        """
        own = Params(tenant=(params or Params()).get("tenant"))
        delivery: Any = await self.get(data["deliveryId"], own)
        if delivery["state"] != "FAILED":
            raise Conflict(f"The delivery is {delivery['state']}")
        return await self.patch(delivery["_id"], {"state": "RETRY", "attempts": 0, "dueAt": now()}, own)
