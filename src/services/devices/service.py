from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...core.context import Params
from ...core.push import WebPush, providers_of
from ...models import Device


class DevicesService(BeanieService):
    def __init__(self, app: Application, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Device, tenant="schoolId", paginate=paginate)
        self._app = app

    async def offer(self, data: dict[str, Any], params: Params) -> dict[str, Any]:
        """``{providers, publicKey}``: how a device can be registered here."""
        providers = providers_of(self._app)
        web = providers.get("web")
        key = web.public_key if isinstance(web, WebPush) else None
        return {"providers": sorted(providers), "publicKey": key}
