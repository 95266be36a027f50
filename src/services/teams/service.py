from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...core.context import Params
from ...models import Team

SHOWN: Final = 100
BY_SUBJECT: Final = "schoolId_subject.id_number"
OF_AN_ENTRY: Final = ("number", "at", "actorId", "action", "subject", "details")


class TeamsService(BeanieService):
    def __init__(self, app: Application, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Team, tenant="schoolId", paginate=paginate)
        self._app = app

    async def audit(self, data: Any, params: Params | None = None) -> dict[str, Any]:
        """What was done in the team and to its channels: ``{entries}`` of the audit log, the newest first.

        ``data``: ``teamId``, and ``before``, a number, for what came earlier.
        """
        tenant = (params or Params()).get("tenant")
        channels = await self._app.service("conversations").find(
            Params(query={"teamId": data["teamId"], "$select": ["_id"]}, tenant=tenant, paginate=False)
        )
        subjects = [data["teamId"], *(channel["_id"] for channel in channels)]
        query: dict[str, Any] = {"subject.id": {"$in": subjects}, "$sort": {"number": -1}, "$limit": SHOWN}
        if "before" in data:
            query["number"] = {"$lt": data["before"]}
        entries = await self._app.service("audit-log").find(
            Params(query=query, tenant=tenant, paginate=False, mongodb={"hint": BY_SUBJECT})
        )
        return {"entries": [{name: entry[name] for name in OF_AN_ENTRY} for entry in entries]}
