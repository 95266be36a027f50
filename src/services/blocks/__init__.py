"""Whom one wants no contact with: each user sees the own blocks, and nobody learns of whose they are."""

from __future__ import annotations

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...models import Block
from .hooks import HOOKS
from .schema import BlockResult

PATH = "blocks"
METHODS = ("find", "get", "create", "remove")
EXISTING = {"responses": {"200": {"description": "The block that is there already."}}}


def configure(app: Application) -> None:
    app.use(
        PATH,
        BeanieService(Block, tenant="schoolId", paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": BlockResult()},
        openapi={"create": EXISTING},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
