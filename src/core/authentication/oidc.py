"""Logging in with an identity token of somebody else: OpenID Connect."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import jwt

from ..context import Params
from ..errors import Conflict, NotAuthenticated
from .issuer_keys import IssuerKeys
from .strategy import Strategy
from .tokens import LONGEST_TOKEN

REQUIRED: Final = ("iss", "sub", "aud", "exp", "iat")
ASYMMETRIC: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)

_decode = cast("Callable[..., dict[str, Any]]", jwt.decode)  # pyright: ignore[reportUnknownMemberType]

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OidcOptions:
    """What is believed of an identity token, and whom it lets in.

    ``issuer``: the ``iss`` (or several, as Google has) and ``audience`` the ``aud`` that it must have;
    ``keys_url``: the issuer's JWKS address; ``required``: claims that must be there besides the
    usual; ``nonce``: whether the client must send the ``nonce`` of the token along. ``leeway``:
    seconds by which clocks may differ.

    The entity is the one whose ``<strategy>Id`` is the ``sub``. ``match_email`` also takes the only
    one with the token's e-mail, if the issuer has verified that, and links it; ``create`` makes one
    where there is none. Raises ValueError for an algorithm whose key would be a shared secret.
    """

    issuer: str | tuple[str, ...]
    audience: str
    keys_url: str
    algorithms: tuple[str, ...] = ("RS256",)
    required: tuple[str, ...] = ()
    nonce: bool = False
    leeway: int = 10
    timeout: float = 5.0
    email_field: str = "email"
    match_email: bool = False
    create: bool = False

    def __post_init__(self) -> None:
        if not self.algorithms or not ASYMMETRIC.issuperset(self.algorithms):
            raise ValueError(f"algorithms must be some of {', '.join(sorted(ASYMMETRIC))}")


class OidcStrategy(Strategy):
    """Takes ``{"strategy": name, "idToken"}``.

    Register it under the provider's name: ``authentication_of(app).register("google", OidcStrategy(…))``.
    """

    def __init__(self, options: OidcOptions, keys: IssuerKeys | None = None) -> None:
        self.options = options
        self._keys = keys or IssuerKeys(options.keys_url, timeout=options.timeout)

    async def authenticate(self, data: Mapping[str, Any], params: Params) -> dict[str, Any]:
        """Raises Unavailable, besides NotAuthenticated, where the issuer's keys cannot be had."""
        claims = await self.verify(data.get("idToken"), data.get("nonce"))
        entity_name = self.authentication.options.entity
        entity = await self._entity(claims, params)
        if entity is None:
            raise NotAuthenticated(f"There is no {entity_name} for this token")
        return {"authentication": {"strategy": self.name}, entity_name: entity}

    async def verify(self, token: object, nonce: object = None) -> dict[str, Any]:
        """The claims of an identity token. Raises NotAuthenticated and Unavailable."""
        if not isinstance(token, str) or not token.isascii() or len(token) > LONGEST_TOKEN:
            raise NotAuthenticated("No identity token")
        try:
            key = await self._keys.key(_key_id(token), self.options.algorithms)
            if key is None:
                raise jwt.InvalidKeyError("The key is unknown")
            claims = _decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self.options.audience,
                issuer=self.options.issuer,
                leeway=self.options.leeway,
                options={"require": [*REQUIRED, *self.options.required]},
            )
        except jwt.PyJWTError as error:
            raise NotAuthenticated(f"Invalid identity token: {error}") from error
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise NotAuthenticated("Invalid identity token: no subject")
        if self.options.nonce and not _same(claims.get("nonce"), nonce):
            raise NotAuthenticated("Invalid identity token: another nonce")
        return claims

    async def get_entity_query(self, claims: Claims, params: Params) -> dict[str, Any]:
        """What finds the entity of a token. To be overridden."""
        return {f"{self.name}Id": claims["sub"]}

    async def get_entity_data(
        self, claims: Claims, existing: Mapping[str, Any] | None, params: Params
    ) -> dict[str, Any]:
        """What is stored of a token, in a new entity if none is ``existing``. To be overridden."""
        data: dict[str, Any] = {f"{self.name}Id": claims["sub"]}
        if existing is None and (email := verified_email(claims)) is not None:
            data[self.options.email_field] = email
        return data

    async def _entity(self, claims: Claims, params: Params) -> dict[str, Any] | None:
        query = await self.get_entity_query(claims, params)
        found = await self._one(query) or await self._linked(claims, params)
        if found is not None or not self.options.create or await self.authentication.entities.known(query):
            return found
        try:
            data = await self.get_entity_data(claims, None, params)
            created = await self.authentication.entities.service.create(data, Params())
        except Conflict:
            # The same person logs in twice at once for the first time; or the e-mail is another's.
            return await self._one(query)
        return await self.authentication.entities.load(self.authentication.entities.id_of(created))

    async def _linked(self, claims: Claims, params: Params) -> dict[str, Any] | None:
        email = verified_email(claims)
        if not self.options.match_email or email is None:
            return None
        entity = await self._one({self.options.email_field: email})
        # Who is linked already is known by another subject: this one only has the same e-mail.
        if entity is None or entity.get(f"{self.name}Id") is not None:
            return None
        entities = self.authentication.entities
        data = await self.get_entity_data(claims, entity, params)
        await entities.service.patch(entity[entities.id_field], data, Params())
        return await entities.load(entities.id_of(entity))

    async def _one(self, query: Mapping[str, Any]) -> dict[str, Any] | None:
        found = await self.authentication.entities.find({**query, "$limit": 2})
        return found[0] if len(found) == 1 else None


def google(client_id: str) -> OidcOptions:
    return OidcOptions(
        issuer=("https://accounts.google.com", "accounts.google.com"),
        audience=client_id,
        keys_url="https://www.googleapis.com/oauth2/v3/certs",
    )


def firebase(project_id: str) -> OidcOptions:
    return OidcOptions(
        issuer=f"https://securetoken.google.com/{project_id}",
        audience=project_id,
        keys_url="https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        required=("auth_time",),
    )


def supabase(project_url: str) -> OidcOptions:
    """For a project that signs with an asymmetric key; ``project_url`` as ``https://abc.supabase.co``."""
    issuer = f"{project_url.rstrip('/')}/auth/v1"
    return OidcOptions(
        issuer=issuer,
        audience="authenticated",
        keys_url=f"{issuer}/.well-known/jwks.json",
        algorithms=("ES256", "RS256"),
    )


def _key_id(token: str) -> str:
    """Raises jwt.DecodeError for what is no token, and for one without an id of its key."""
    key_id: object = jwt.get_unverified_header(token).get("kid")
    if not isinstance(key_id, str):
        raise jwt.DecodeError("The token names no key")
    return key_id


def _same(expected: object, given: object) -> bool:
    if not isinstance(expected, str) or not isinstance(given, str) or not expected:
        return False
    return hmac.compare_digest(expected.encode(errors="replace"), given.encode(errors="replace"))


def verified_email(claims: Claims) -> str | None:
    """As it is stored; None where the issuer has not verified that it is the subject's."""
    email = claims.get("email")
    verified = claims.get("email_verified") is True
    return email.strip().lower() if verified and isinstance(email, str) and email.strip() else None
