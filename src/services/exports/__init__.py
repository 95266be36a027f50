"""Exports: an archive of what the school keeps of a user, for the user, or for admins.

It is made in the background, and an answer tells how far it has come. Whoever may see the export gets a
link that fetches the archive once.
"""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import ExportResult, Link
from .service import ExportsService

PATH = "exports"
METHODS = ("find", "get", "create", "remove", "link")


def configure(app: Application) -> None:
    service = ExportsService(app, app.settings["exports"]["keep_days"], paginate=app.get("pagination"))
    app.use(
        PATH,
        service,
        methods=METHODS,
        schemas={"result": ExportResult(), "link": Link()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS).hooks({"after": {"create": [service.jobs.owe]}})
