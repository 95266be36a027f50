"""The devices that pushes for a user go to: each user registers, sees and removes the own ones."""

from __future__ import annotations

from ...core.application import Application
from ...hooks.access import WHILE_SUSPENDED
from .hooks import hooks
from .logouts import forget_at_logout
from .schema import DeviceResult, Offer
from .service import DevicesService

PATH = "devices"
METHODS = ("find", "get", "create", "remove", "offer")
KNOWN = {"responses": {"200": {"description": "The device was registered already."}}}


def configure(app: Application) -> None:
    app.use(
        PATH,
        DevicesService(app, paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": DeviceResult(), "offer": Offer()},
        openapi={"create": KNOWN},
        description=__doc__,
        tenant=True,
        **{WHILE_SUSPENDED: METHODS},
    )
    app.service(PATH).hooks(hooks(app.settings["push"]["max_devices"]))
    app.on("session-end", forget_at_logout(app))
