"""The services of authentication: what they take and answer follows from options, not from schemas."""

from __future__ import annotations

from typing import Final

from ..application import Application
from ..authentication import (
    AuthenticationService,
    JwtStrategy,
    LocalStrategy,
    OauthStrategy,
    OidcStrategy,
    Strategy,
    authentication_of,
)
from ..authentication.hashing import LONGEST_PASSWORD
from ..authentication.password_service import PasswordService
from ..authentication.refresh import RefreshStrategy
from ..service import Service
from .schemas import ANYTHING, JsonSchema, Schemas, reference

LOGIN: Final = "Login"
SESSION: Final = "Session"
PASSWORD_REQUESTS: Final = {
    "create": "PasswordResetRequest",
    "reset": "PasswordReset",
    "change": "PasswordChange",
}
TOKENS: Final[dict[type[Strategy], str]] = {
    JwtStrategy: "accessToken",
    OidcStrategy: "idToken",
    RefreshStrategy: "refreshToken",
}
NOTHING: Final[JsonSchema] = {"type": "object", "additionalProperties": False}
TEXT: Final[JsonSchema] = {"type": "string"}


def is_authentication(service: Service) -> bool:
    return isinstance(service.wrapped, AuthenticationService)


def data_of(service: Service, method: str, schemas: Schemas) -> JsonSchema:
    """What a client sends to any service."""
    if is_authentication(service):
        return _login(service.app, schemas)
    if isinstance(service.wrapped, PasswordService):
        return _password_request(service.app, service.wrapped, method, schemas)
    return schemas.data(service, method)


def result_of(service: Service, method: str, schemas: Schemas) -> JsonSchema:
    """What any service answers a client with: records of it, unless the method is a custom one."""
    if (own := own_result(service, schemas)) is not None:
        return own
    return schemas.outcome(service, method)


def own_result(service: Service, schemas: Schemas) -> JsonSchema | None:
    """What these services answer, whatever the method; None for any other service."""
    if is_authentication(service):
        return _session(service.app, schemas)
    return NOTHING if isinstance(service.wrapped, PasswordService) else None


def _login(app: Application, schemas: Schemas) -> JsonSchema:
    ways: list[JsonSchema] = []
    if (authentication := authentication_of(app)) is not None:
        also = () if authentication.sessions is None else ("refresh",)
        for name in (*authentication.options.auth_strategies, *also):
            strategy = authentication.strategies.get(name)
            if not isinstance(strategy, OauthStrategy):  # which no client can call
                ways.append(_way(strategy, name))
    return _named(schemas, LOGIN, {"anyOf": ways or [{"type": "object"}]})


def _session(app: Application, schemas: Schemas) -> JsonSchema:
    """The answer to a login and to a logout."""
    authentication = authentication_of(app)
    if authentication is None:
        return ANYTHING
    options = authentication.options
    tokens = ("accessToken",) if authentication.sessions is None else ("accessToken", "refreshToken")
    return _named(
        schemas,
        SESSION,
        {
            "type": "object",
            "required": ["accessToken", "authentication", options.entity],
            "properties": {
                **dict.fromkeys(tokens, TEXT),
                "authentication": {
                    "type": "object",
                    "required": ["strategy", "payload"],
                    "properties": {"strategy": TEXT, "payload": {"type": "object"}},
                },
                options.entity: schemas.result(app.service(options.service)),
            },
        },
    )


def _password_request(
    app: Application, wrapped: PasswordService, method: str, schemas: Schemas
) -> JsonSchema:
    new = {"type": "string", "minLength": wrapped.options.minimum, "maxLength": LONGEST_PASSWORD}
    authentication = authentication_of(app)
    if authentication is None:
        return {"type": "object"}
    if method == "create":
        request = _one_of(tuple(authentication.local.options.username_fields), {})
    elif method == "reset":
        request = _object({"token": TEXT, "password": new})
    else:
        request = _object({"password": TEXT, "newPassword": new})
    return _named(schemas, PASSWORD_REQUESTS[method], request)


def _way(strategy: Strategy | None, name: str) -> JsonSchema:
    known: JsonSchema = {"strategy": {"const": name}}
    if isinstance(strategy, LocalStrategy):
        options = strategy.options
        return _one_of(tuple(options.username_fields), {**known, options.password_field: TEXT})
    tokens = [token for kind, token in TOKENS.items() if isinstance(strategy, kind)]
    return _object({**known, **dict.fromkeys(tokens, TEXT)})


def _object(required: JsonSchema) -> JsonSchema:
    return {"type": "object", "required": [*required], "properties": required}


def _one_of(names: tuple[str, ...], required: JsonSchema) -> JsonSchema:
    """An object that says who it is about in any of the fields that take a name."""
    properties = {**dict.fromkeys(names, TEXT), **required}
    return {**_object(required), "properties": properties, "anyOf": [{"required": [name]} for name in names]}


def _named(schemas: Schemas, name: str, schema: JsonSchema) -> JsonSchema:
    if name not in schemas.spec.components.schemas:
        schemas.spec.components.schema(name, schema)
    return reference(name)
