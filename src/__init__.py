"""Services, hooks and live events: what an application of the framework is written with.

The school chat is built on it; importing this package loads nothing of the school, and of the
framework only the names that are used: all of it takes a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from .core import errors

if TYPE_CHECKING:
    from .core.adapters.base import AdapterBase
    from .core.adapters.beanie import BeanieService
    from .core.adapters.collection import MongoAdapter
    from .core.adapters.memory import MemoryService
    from .core.adapters.mongo import MongoService
    from .core.adapters.options import AdapterOptions
    from .core.adapters.sql import SQLService
    from .core.adapters.sql_transaction import sql_transaction
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
    "SQLService",
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
    "sql_transaction",
    "throttle_of",
    "throttling",
    "transaction",
    "validate_data",
    "validate_query",
    "virtual",
    "with_hooks",
]

_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "core.adapters.base": ("AdapterBase",),
    "core.adapters.beanie": ("BeanieService",),
    "core.adapters.collection": ("MongoAdapter",),
    "core.adapters.memory": ("MemoryService",),
    "core.adapters.mongo": ("MongoService",),
    "core.adapters.options": ("AdapterOptions",),
    "core.adapters.sql": ("SQLService",),
    "core.adapters.sql_transaction": ("sql_transaction",),
    "core.adapters.transaction": ("transaction",),
    "core.application": ("Application", "LifecycleContext"),
    "core.authentication": (
        "AuthenticationOptions",
        "AuthenticationService",
        "JwtOptions",
        "LocalOptions",
        "LockoutOptions",
        "OauthOptions",
        "OauthProvider",
        "OauthStrategy",
        "OidcOptions",
        "OidcStrategy",
        "PasswordOptions",
        "PasswordServiceOptions",
        "SessionOptions",
        "Strategy",
        "TokenOptions",
        "authenticate",
        "authentication",
        "authentication_of",
        "hash_password",
        "passwords",
    ),
    "core.channels": ("Channel",),
    "core.class_hooks": ("with_hooks",),
    "core.configuration": ("ConfigurationError", "load_configuration"),
    "core.context": ("UNSET", "Connection", "Hook", "HookContext", "Http", "Params"),
    "core.documentation": ("OwnEvent", "documentation"),
    "core.encoding": ("jsonable",),
    "core.extensions": ("ExtensionError", "extensions"),
    "core.hooks": ("Next",),
    "core.listening": ("Listening",),
    "core.oauth": ("oauth",),
    "core.pagination": ("Page", "PaginationOptions"),
    "core.protect": ("protect",),
    "core.rate_limit": ("rate_limit",),
    "core.schema": (
        "Id",
        "Resolver",
        "ResolverStatus",
        "batched",
        "field_types",
        "query_syntax",
        "resolve",
        "resolve_data",
        "resolve_dispatch",
        "resolve_external",
        "resolve_query",
        "resolve_result",
        "validate_data",
        "validate_query",
        "virtual",
    ),
    "core.service": ("Service", "create_context"),
    "core.testing": ("serving",),
    "core.throttle": ("Throttle", "throttle_of", "throttling"),
    "core.transports.realtime": ("realtime",),
    "core.transports.rest": ("rest",),
}

_MODULES: Final = {name: f".{module}" for module, names in _NAMES.items() for name in names}


if not TYPE_CHECKING:  # for a type checker there would be every name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name], __name__), name)
        globals()[name] = value  # asked for once
        return value


def __dir__() -> Sequence[str]:
    return sorted({*globals(), *_MODULES})
