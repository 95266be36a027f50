"""The tokens of those who forgot their password. For the authentication only: no client can call it.

With a mail server they are sent to their owners; without, that is left to listeners of ``password-reset``.
"""

from __future__ import annotations

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...core.mail import mailer_of
from ...models import PasswordReset
from .mails import RESET_MAIL, ResetMails

PATH = "password-resets"


def configure(app: Application) -> None:
    app.use(PATH, BeanieService(PasswordReset), methods=(), tenant=False)
    mailer = mailer_of(app)
    if mailer is None:
        return
    secret = app.settings["authentication"]["secret"].get_secret_value()
    mails = ResetMails(app, mailer, secret=secret, page=app.settings["mail"]["reset_page"])
    app.jobs.define(RESET_MAIL, mails.send, attempts=8)
    app.on("password-reset", mails.owe)
