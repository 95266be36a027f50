"""Keys of encrypted conversations: their versions, and never the keys themselves.

To create the first one has the conversation encrypted from then on; what is in it already is sealed in the
background.
"""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import EncryptionKeyResult
from .sealer import KIND, Sealer
from .service import EncryptionKeysService

PATH = "encryption-keys"
METHODS = ("find", "get", "create", "rotate")


def configure(app: Application) -> None:
    vault = app.get("vault")
    app.jobs.define(KIND, Sealer(vault).seal)
    app.use(
        PATH,
        EncryptionKeysService(app, app.get("journal"), vault, paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": EncryptionKeyResult(), "rotate": EncryptionKeyResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
