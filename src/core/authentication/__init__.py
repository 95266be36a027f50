"""Logging in: tokens, passwords, strategies, and the hooks that ask for them."""

from .hashing import PasswordHasher, PasswordOptions
from .hook import authenticate, hash_password
from .jwt import JwtOptions, JwtStrategy
from .local import LocalOptions, LocalStrategy
from .lockout import LockoutOptions
from .oauth import OauthOptions, OauthProvider, OauthStrategy
from .oidc import OidcOptions, OidcStrategy
from .options import AuthenticationOptions
from .password_service import PasswordServiceOptions, passwords
from .service import AuthenticationService, authentication, authentication_of
from .sessions import SessionOptions
from .strategy import Strategy
from .tokens import TokenOptions, Tokens

__all__ = [
    "AuthenticationOptions",
    "AuthenticationService",
    "JwtOptions",
    "JwtStrategy",
    "LocalOptions",
    "LocalStrategy",
    "LockoutOptions",
    "OauthOptions",
    "OauthProvider",
    "OauthStrategy",
    "OidcOptions",
    "OidcStrategy",
    "PasswordHasher",
    "PasswordOptions",
    "PasswordServiceOptions",
    "SessionOptions",
    "Strategy",
    "TokenOptions",
    "Tokens",
    "authenticate",
    "authentication",
    "authentication_of",
    "hash_password",
    "passwords",
]
