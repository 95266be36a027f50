"""What an application says about the providers that its people may come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..fetching import check_https


@dataclass(frozen=True, slots=True, kw_only=True)
class OauthProvider:
    """``key`` and ``secret`` are the client id and secret that the provider gave to the application.

    Who has logged in is read with the access token from ``profile_url``; or, at a provider of OpenID
    Connect, in the identity token, which is believed by ``issuer``, ``keys_url`` and ``algorithms``, as
    in OidcOptions. ``custom_params`` go along to ``authorize_url``. ``pkce`` is for providers that
    refuse what they do not know. ``timeout``: seconds.

    Raises ValueError where it is neither the one nor the other, and for an address that is not ``https``.
    """

    key: str
    secret: str = field(repr=False)
    authorize_url: str
    access_url: str
    scope: Sequence[str] = ()
    profile_url: str | None = None
    issuer: str | tuple[str, ...] | None = None
    keys_url: str | None = None
    algorithms: tuple[str, ...] = ("RS256",)
    custom_params: Mapping[str, str] = field(default_factory=dict[str, str])
    pkce: bool = True
    timeout: float = 5.0

    def __post_init__(self) -> None:
        is_oidc = self.issuer is not None and self.keys_url is not None
        if is_oidc == (self.profile_url is not None) or (self.issuer is None) != (self.keys_url is None):
            raise ValueError("a provider has either a profile_url or an issuer with its keys_url")
        for url in (self.authorize_url, self.access_url, self.profile_url, self.keys_url):
            if url is not None:
                check_https(url)


@dataclass(frozen=True, slots=True, kw_only=True)
class OauthOptions:
    """``providers`` by their names, which are those of their strategies and of ``/oauth/<name>``.

    After the login a browser is sent to ``redirect`` and the path that it asked for. With ``origins``
    it is sent to where it came from instead, and only pages of these origins may begin a login; of
    this machine they may have any port. ``own_url`` is the application's address as browsers know it,
    without it that of the request. ``refresh_token``: whether the answer carries that too, where
    sessions are kept.
    """

    providers: Mapping[str, OauthProvider]
    redirect: str = "/"
    origins: Sequence[str] = ()
    own_url: str | None = None
    path: str = "oauth"
    refresh_token: bool = False
