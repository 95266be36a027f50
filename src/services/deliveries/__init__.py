"""What has changed in conversations, and whether it was told: for the admins of a school."""

from __future__ import annotations

from typing import Final

from ...core.application import Application
from ...core.background import Background
from ...models.database import Database
from ...models.in_hand import InHand
from ...models.journal import CHANGED, Journal
from .hooks import HOOKS
from .outbox import SWEEP_SECONDS, Outbox
from .schema import DeliveryResult
from .service import DeliveriesService

PATH = "deliveries"
METHODS = ("find", "get", "retry")
LOOK_SECONDS: Final = 5.0
"""How often it is looked whether another node was killed in the middle of a write."""


def configure(app: Application) -> None:
    service = DeliveriesService(paginate=app.get("pagination"))
    app.use(
        PATH,
        service,
        methods=METHODS,
        schemas={"result": DeliveryResult(), "retry": DeliveryResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
    if app.get("background"):
        # Commands that are not served have nobody to tell: what they change is sent by who has.
        journal: Journal = app.get("journal")
        journal.in_hand = in_hand = InHand()
        outbox = Outbox(app, in_hand)
        app.on("publishing", outbox.publishing).on("published", outbox.published)
        app.on(CHANGED, outbox.changed)
        Background(app, "outbox", outbox.send_next, every=SWEEP_SECONDS).attach()
        database: Database = app.get("database")
        Background(app, "abandoned transactions", database.end_abandoned, every=LOOK_SECONDS).attach()
