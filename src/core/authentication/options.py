"""What an application says about its authentication."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .entities import Accepts
from .hashing import PasswordOptions
from .jwt import JwtOptions
from .local import LocalOptions
from .lockout import LockoutOptions
from .sessions import SessionOptions
from .tokens import TokenOptions

NO_LOCKOUT: Final = LockoutOptions(account="", address="")


@dataclass(frozen=True, slots=True)
class AuthenticationOptions:
    """``service`` is the path of the service of those who log in, ``entity`` the key it gets in params.

    ``auth_strategies`` may create tokens; ``parse_strategies`` may read headers, the same ones if
    None. ``accepts`` tells which entities may be logged in, asked at every call.

    With ``sessions``, logins give a ``refreshToken`` too, and a logout ends what it belongs to;
    without, tokens hold until they run out, as in Feathers. With ``lockout``, guessing is limited.
    ``max_connections`` are those of one user to this node, sockets and streams; 0 for any number.
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
    sessions: SessionOptions | None = None
    lockout: LockoutOptions = NO_LOCKOUT
    max_connections: int = 0
