from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.adapters.beanie import BeanieService
from ...core.context import Params
from ...models import Report


class ReportsService(BeanieService):
    def __init__(self, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Report, tenant="schoolId", paginate=paginate)

    async def resolve_others(
        self, report: Mapping[str, Any], changes: Mapping[str, Any], params: Params
    ) -> list[dict[str, Any]]:
        """Resolve all reports of the same message that are open yet."""
        query = {"messageId": report["messageId"], "state": "open"}
        several = Params(params, query=query, adapter={"multi": ["patch"]})
        resolved: Any = await super().patch(None, changes, several)
        found: list[dict[str, Any]] = resolved
        return found
