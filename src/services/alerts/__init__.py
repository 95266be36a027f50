"""Priority alerts: messages that are to disturb a team, with a reason, few of them, and sent in two steps."""

from __future__ import annotations

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...models import Alert
from .confirmation import Confirmations
from .hooks import hooks
from .schema import AlertResult

PATH = "alerts"
METHODS = ("find", "get", "create")
UNCONFIRMED = {
    "responses": {
        "200": {"description": "A repeat: the alert that was sent with this token."},
        "202": {"description": "Nothing is sent yet: the same again with the `confirmToken` sends it."},
    }
}


def configure(app: Application) -> None:
    app.use(
        PATH,
        BeanieService(Alert, tenant="schoolId", paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": AlertResult()},
        openapi={"create": UNCONFIRMED},
        description=__doc__,
        tenant=True,
    )
    confirmations = Confirmations(app.settings["authentication"], app.settings["teams"]["confirm_minutes"])
    app.service(PATH).hooks(hooks(confirmations, app.settings["messages"]["max_length"]))
