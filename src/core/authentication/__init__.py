"""Logging in: tokens, passwords, strategies, and the hooks that ask for them."""

from .hook import authenticate, hash_password
from .jwt import JwtOptions, JwtStrategy
from .local import LocalOptions, LocalStrategy
from .options import AuthenticationOptions
from .passwords import PasswordHasher, PasswordOptions
from .service import AuthenticationService, authentication, authentication_of
from .strategy import Strategy
from .tokens import TokenOptions, Tokens

__all__ = [
    "AuthenticationOptions",
    "AuthenticationService",
    "JwtOptions",
    "JwtStrategy",
    "LocalOptions",
    "LocalStrategy",
    "PasswordHasher",
    "PasswordOptions",
    "Strategy",
    "TokenOptions",
    "Tokens",
    "authenticate",
    "authentication",
    "authentication_of",
    "hash_password",
]
