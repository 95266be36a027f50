from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.adapters.beanie import BeanieService
from ...core.context import Params
from ...core.errors import Conflict, NotFound
from ...models import LegalHold
from ...models.record import now


class LegalHoldsService(BeanieService):
    def __init__(self, paginate: Mapping[str, int | None]) -> None:
        super().__init__(LegalHold, tenant="schoolId", paginate=paginate)

    async def remove(self, id: Any, params: Params | None = None) -> Any:
        """Lift the hold; that there was one stays known. Raises Conflict where it is lifted already."""
        params = params or Params()
        if id is None:
            return await super().remove(id, params)
        lifted = {"liftedAt": now(), "liftedBy": (params.user or {}).get("_id")}
        try:
            return await super().patch(id, lifted, Params(params, restrict={"liftedAt": None}))
        except NotFound:
            before: Any = await super().get(id, params)
            raise Conflict("The hold is lifted already", {"liftedAt": before["liftedAt"]}) from None
