"""Services, hooks and live events: what an application of the framework is written with.

The school chat is built on it; importing this package loads nothing of the school.
"""

from __future__ import annotations

from .core import errors
from .core.adapters.base import AdapterBase
from .core.adapters.beanie import BeanieService
from .core.adapters.collection import MongoAdapter
from .core.adapters.memory import MemoryService
from .core.adapters.mongo import MongoService
from .core.adapters.options import AdapterOptions
from .core.adapters.transaction import transaction
from .core.application import Application, LifecycleContext
from .core.authentication import (
    AuthenticationOptions,
    AuthenticationService,
    JwtOptions,
    LocalOptions,
    LockoutOptions,
    OauthOptions,
    OauthProvider,
    OauthStrategy,
    OidcOptions,
    OidcStrategy,
    PasswordOptions,
    PasswordServiceOptions,
    SessionOptions,
    Strategy,
    TokenOptions,
    authenticate,
    authentication,
    authentication_of,
    hash_password,
    passwords,
)
from .core.channels import Channel
from .core.class_hooks import with_hooks
from .core.configuration import ConfigurationError, load_configuration
from .core.context import UNSET, Connection, Hook, HookContext, Http, Params
from .core.documentation import OwnEvent, documentation
from .core.encoding import jsonable
from .core.extensions import ExtensionError, extensions
from .core.hooks import Next
from .core.listening import Listening
from .core.oauth import oauth
from .core.pagination import Page, PaginationOptions
from .core.protect import protect
from .core.rate_limit import rate_limit
from .core.schema import (
    Id,
    Resolver,
    ResolverStatus,
    batched,
    field_types,
    query_syntax,
    resolve,
    resolve_data,
    resolve_dispatch,
    resolve_external,
    resolve_query,
    resolve_result,
    validate_data,
    validate_query,
    virtual,
)
from .core.service import Service, create_context
from .core.testing import serving
from .core.throttle import Throttle, throttle_of, throttling
from .core.transports.realtime import realtime
from .core.transports.rest import rest

__version__ = "0.1.0"

__all__ = [
    "UNSET",
    "AdapterBase",
    "AdapterOptions",
    "Application",
    "AuthenticationOptions",
    "AuthenticationService",
    "BeanieService",
    "Channel",
    "ConfigurationError",
    "Connection",
    "ExtensionError",
    "Hook",
    "HookContext",
    "Http",
    "Id",
    "JwtOptions",
    "LifecycleContext",
    "Listening",
    "LocalOptions",
    "LockoutOptions",
    "MemoryService",
    "MongoAdapter",
    "MongoService",
    "Next",
    "OauthOptions",
    "OauthProvider",
    "OauthStrategy",
    "OidcOptions",
    "OidcStrategy",
    "OwnEvent",
    "Page",
    "PaginationOptions",
    "Params",
    "PasswordOptions",
    "PasswordServiceOptions",
    "Resolver",
    "ResolverStatus",
    "Service",
    "SessionOptions",
    "Strategy",
    "Throttle",
    "TokenOptions",
    "__version__",
    "authenticate",
    "authentication",
    "authentication_of",
    "batched",
    "create_context",
    "documentation",
    "errors",
    "extensions",
    "field_types",
    "hash_password",
    "jsonable",
    "load_configuration",
    "oauth",
    "passwords",
    "protect",
    "query_syntax",
    "rate_limit",
    "realtime",
    "resolve",
    "resolve_data",
    "resolve_dispatch",
    "resolve_external",
    "resolve_query",
    "resolve_result",
    "rest",
    "serving",
    "throttle_of",
    "throttling",
    "transaction",
    "validate_data",
    "validate_query",
    "virtual",
    "with_hooks",
]
