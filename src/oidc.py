"""Logging in to the school with an identity token of another system, such as Firebase."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from .core.application import Application
from .core.authentication import OidcOptions, OidcStrategy, authentication_of
from .core.authentication.oidc import firebase, verified_email
from .core.context import Params
from .core.errors import NotAuthenticated
from .settings import Oidc

OfSchool = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any] | None]]
"""What the ``school`` of a login adds to the query for the user; None where there is no such school."""


def oidc(settings: Oidc, of_school: OfSchool) -> Callable[[Application], None]:
    """Take the tokens of the issuer in the settings, if there is one. Goes after ``authentication``."""

    def configure(app: Application) -> None:
        options = _options(settings)
        service = authentication_of(app)
        if options is not None and service is not None:
            service.register(settings.strategy, SchoolOidc(options, of_school))

    return configure


class SchoolOidc(OidcStrategy):
    """Takes ``{"strategy": name, "idToken", "school"?}``: who has the account is known by the e-mail.

    Accounts are made by the school alone, and an e-mail that the issuer has not verified is nobody's.
    """

    def __init__(self, options: OidcOptions, of_school: OfSchool) -> None:
        super().__init__(options)
        self._of_school = of_school

    async def authenticate(self, data: Mapping[str, Any], params: Params) -> dict[str, Any]:
        """Raises NotAuthenticated, and Unavailable where the issuer's keys cannot be had."""
        email = verified_email(await self.verify(data.get("idToken"), data.get("nonce")))
        if email is None:
            raise NotAuthenticated("The token has no verified e-mail")
        of_school = await self._of_school(data)
        if of_school is not None:
            query = {"email": email, **of_school, "$limit": 2}
            users = await self.authentication.entities.find(query)
            if len(users) == 1:
                return {"authentication": {"strategy": self.name}, "user": users[0]}
        raise NotAuthenticated("There is no user for this token")


def _options(settings: Oidc) -> OidcOptions | None:
    if settings.firebase_project is not None:
        return firebase(settings.firebase_project)
    if settings.issuer is None or settings.audience is None or settings.keys_url is None:
        return None
    return OidcOptions(
        issuer=settings.issuer,
        audience=settings.audience,
        keys_url=settings.keys_url,
        algorithms=tuple(settings.algorithms),
    )
