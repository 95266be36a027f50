"""Logging in with a name and a password."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from ..context import HookContext, Params
from ..errors import NotAuthenticated, NotFound
from .passwords import HASHED, LONGEST_PASSWORD
from .strategy import Strategy

LONGEST_USERNAME: Final = 320  # 64 + "@" + 255: RFC 3696, errata

logger = structlog.stdlib.get_logger(__name__)

Query = dict[str, Any]
ExtraQuery = Callable[[Mapping[str, Any]], Query | Awaitable[Query | None] | None]


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """``username_fields``: the key a client sends → the fields of the entity it may stand in, tried in turn.

    ``extra_query`` turns other parts of a client's data (unchecked: they may be of any type) into
    conditions that tell apart entities of the same name; None refuses the login.
    """

    username_fields: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"email": ("email",)})
    lower_case_fields: frozenset[str] = frozenset({"email"})
    password_field: str = "password"  # noqa: S105 - the name of a field
    error_message: str = "Invalid login"
    extra_query: ExtraQuery | None = None


class LocalStrategy(Strategy):
    """Every failure has the same message, and takes the work of one hash whether the user exists or not."""

    def __init__(self, options: LocalOptions | None = None) -> None:
        self.options = options or LocalOptions()
        self.secret_fields = frozenset({self.options.password_field})

    async def authenticate(self, data: Mapping[str, Any], params: Params) -> dict[str, Any]:
        field_of_password = self.options.password_field
        key = next((key for key in self.options.username_fields if key in data), None)
        username, password = data.get(key) if key else None, data.get(field_of_password)
        # Anything but text would reach the database as a query operator.
        if key is None or not _is_name(username) or not isinstance(password, str):
            raise NotAuthenticated(self.options.error_message)
        if not 0 < len(password) <= LONGEST_PASSWORD:
            raise NotAuthenticated(self.options.error_message)
        passwords = self.authentication.passwords
        entity = await self._find(key, str(username), data)
        hashed = entity.get(field_of_password) if entity is not None else None
        if entity is None or not isinstance(hashed, str):
            await passwords.verify_absent(password)
            raise NotAuthenticated(self.options.error_message)
        if not await passwords.verify(hashed, password):
            raise NotAuthenticated(self.options.error_message)
        if passwords.needs_rehash(hashed):
            await self._rehash(entity, hashed, password)
        return {"authentication": {"strategy": self.name}, self.authentication.options.entity: entity}

    async def _find(self, key: str, username: str, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """The one entity of that name; None also if it is not the only one."""
        extra = await self._extra_query(data)
        if extra is None:
            return None
        for name in self.options.username_fields[key]:
            value = username.lower() if name in self.options.lower_case_fields else username
            found = await self.authentication.entities.find({**extra, name: value, "$limit": 2})
            if found:
                return found[0] if len(found) == 1 else None
        return None

    async def _extra_query(self, data: Mapping[str, Any]) -> Query | None:
        if self.options.extra_query is None:
            return {}
        answer = self.options.extra_query(data)
        return await answer if inspect.isawaitable(answer) else answer

    async def _rehash(self, entity: Mapping[str, Any], hashed: str, password: str) -> None:
        """Store the password with today's costs, unless it was changed meanwhile; a failure is logged."""
        entities = self.authentication.entities
        name = self.options.password_field
        params = Params({HASHED: True, "query": {name: hashed}})
        data = {name: await self.authentication.passwords.hash(password)}
        context = HookContext(
            entities.service, "patch", id=entity[entities.id_field], data=data, params=params
        )
        context.event = None
        try:
            await entities.service.run(context)
        except NotFound:
            return
        except Exception:
            logger.exception("rehash failed", path=entities.service.path)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_USERNAME and value.isprintable()
