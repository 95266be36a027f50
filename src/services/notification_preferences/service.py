from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.adapters.beanie import BeanieService
from ...core.context import Params
from ...core.errors import Conflict, NotFound
from ...core.projection import select_fields
from ...models import NotificationPreference


class NotificationPreferencesService(BeanieService):
    """A record goes by the id of its user. Who has none yet has the defaults."""

    def __init__(self, paginate: Mapping[str, int | None]) -> None:
        super().__init__(NotificationPreference, id="userId", tenant="schoolId", paginate=paginate)

    async def get(self, id: Any, params: Params | None = None) -> Any:
        try:
            return await super().get(id, params)
        except NotFound:
            default = self.to_document(self._stamped({"userId": self._stored_id(id)}, params or Params()))
            selected = (params or Params()).query.get("$select")
            names = default.keys() - {"_id", "createdAt"}
            return select_fields(default, names if selected is None else names & {"userId", *selected})

    async def patch(self, id: Any, data: Any, params: Params | None = None) -> Any:
        """The first one makes the record."""
        try:
            return await super().patch(id, data, params)
        except NotFound:
            pass
        try:
            return await self.create({**data, "userId": id}, params)
        except Conflict:  # another device was faster
            return await super().patch(id, data, params)
