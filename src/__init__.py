"""Services, hooks and live events: what an application of the framework is written with.

The school chat is built on it; importing this package loads nothing of the school.
"""

from __future__ import annotations

from .core import errors
from .core.adapters.beanie import BeanieService
from .core.adapters.memory import MemoryService
from .core.adapters.mongo import MongoService
from .core.application import Application
from .core.authentication import (
    AuthenticationOptions,
    AuthenticationService,
    JwtOptions,
    LocalOptions,
    PasswordOptions,
    Strategy,
    TokenOptions,
    authenticate,
    authentication,
    hash_password,
)
from .core.channels import Channel
from .core.context import UNSET, Connection, Hook, HookContext, Http, Params
from .core.encoding import jsonable
from .core.extensions import ExtensionError, extensions
from .core.hooks import Next
from .core.pagination import Page, PaginationOptions
from .core.schema import validate_data, validate_query
from .core.service import Service
from .core.testing import serving
from .core.transports.realtime import realtime
from .core.transports.rest import rest

__version__ = "0.1.0"

__all__ = [
    "UNSET",
    "Application",
    "AuthenticationOptions",
    "AuthenticationService",
    "BeanieService",
    "Channel",
    "Connection",
    "ExtensionError",
    "Hook",
    "HookContext",
    "Http",
    "JwtOptions",
    "LocalOptions",
    "MemoryService",
    "MongoService",
    "Next",
    "Page",
    "PaginationOptions",
    "Params",
    "PasswordOptions",
    "Service",
    "Strategy",
    "TokenOptions",
    "__version__",
    "authenticate",
    "authentication",
    "errors",
    "extensions",
    "hash_password",
    "jsonable",
    "realtime",
    "rest",
    "serving",
    "validate_data",
    "validate_query",
]
