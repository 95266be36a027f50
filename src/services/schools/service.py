from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.adapters.beanie import BeanieService
from ...core.context import Params
from ...models import School


class SchoolsService(BeanieService):
    def __init__(self, paginate: Mapping[str, int | None]) -> None:
        # A school is its own tenant: the id is the field that bounds it.
        super().__init__(School, tenant="_id", paginate=paginate)

    async def patch(self, id: Any, data: Any, params: Params | None = None) -> Any:
        """Settings that ``data`` does not name stay as they are."""
        if "settings" not in data:
            return await super().patch(id, data, params)
        settings = {f"settings.{name}": value for name, value in data["settings"].items()}
        changes = {name: value for name, value in data.items() if name != "settings"}
        # A client may not name operators and paths. These are own code's, over settings that were checked.
        return await super().patch(id, {**changes, "$set": settings}, Params(params or {}, provider=None))
