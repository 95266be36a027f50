"""What an application says about its authentication."""

from __future__ import annotations

from dataclasses import dataclass, field

from .entities import Accepts
from .jwt import JwtOptions
from .local import LocalOptions
from .passwords import PasswordOptions
from .tokens import TokenOptions


@dataclass(frozen=True, slots=True)
class AuthenticationOptions:
    """``service`` is the path of the service of those who log in, ``entity`` the key it gets in params.

    ``auth_strategies`` may create tokens; ``parse_strategies`` may read headers, the same ones if
    None. ``accepts`` tells which entities may be logged in, asked at every call.
    """

    tokens: TokenOptions
    path: str = "authentication"
    entity: str = "user"
    service: str = "users"
    entity_id: str = "_id"
    auth_strategies: tuple[str, ...] = ("jwt", "local")
    parse_strategies: tuple[str, ...] | None = None
    jwt: JwtOptions = field(default_factory=JwtOptions)
    local: LocalOptions = field(default_factory=LocalOptions)
    passwords: PasswordOptions = field(default_factory=PasswordOptions)
    accepts: Accepts | None = None
