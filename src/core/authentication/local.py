"""Logging in with a name and a password."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import structlog

from ..context import HookContext, Params
from ..errors import NotAuthenticated, NotFound
from .hashing import HASHED, LONGEST_PASSWORD
from .sessions import KEEPS_SESSIONS
from .strategy import Strategy

if TYPE_CHECKING:
    from .service import AuthenticationService

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

    def attach(self, name: str, authentication: AuthenticationService) -> None:
        super().attach(name, authentication)
        self._turns = asyncio.Semaphore(authentication.passwords.concurrency)

    async def authenticate(self, data: Mapping[str, Any], params: Params) -> dict[str, Any]:
        """Raises TooManyRequests, besides NotAuthenticated, where a lockout is configured."""
        name, password = self.name_in(data), data.get(self.options.password_field)
        if name is None or not isinstance(password, str) or not 0 < len(password) <= LONGEST_PASSWORD:
            raise NotAuthenticated(self.options.error_message)
        lockout, address = self.authentication.lockout, params.get("address")
        extra = await self._extra_query(data)
        # Whoever has the same name elsewhere must not clear this one's count by logging in there.
        account = f"{extra} {name}"
        await lockout.attempt(account, address)
        found = await self._find(data, extra)
        async with self._turns:
            # Of many that came at once, those behind are refused for the failures of those before.
            await lockout.check(address)
            entity = await self._verified(found, password)
            if entity is None:
                await lockout.failed(address)
                raise NotAuthenticated(self.options.error_message)
        await lockout.succeeded(account)
        return {"authentication": {"strategy": self.name}, self.authentication.options.entity: entity}

    def name_in(self, data: Mapping[str, Any]) -> str | None:
        """Whom ``data`` names, in one spelling; None for what cannot be anybody's name."""
        key = self._key_in(data)
        # Anything but text would reach the database as a query operator.
        return str(data[key]).casefold() if key is not None and _is_name(data[key]) else None

    async def find(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """The one entity that ``data`` names; None also if it is not the only one."""
        return await self._find(data, await self._extra_query(data))

    async def _find(self, data: Mapping[str, Any], extra: Query | None) -> dict[str, Any] | None:
        key = self._key_in(data)
        if key is None or extra is None or not _is_name(data[key]):
            return None
        username: str = data[key]
        # All fields are asked, whatever the first says: time must not tell who exists.
        candidates = [
            await self._named(field, username, extra) for field in self.options.username_fields[key]
        ]
        found = next((entities for entities in candidates if entities), None)
        return found[0] if found is not None and len(found) == 1 else None

    def _key_in(self, data: Mapping[str, Any]) -> str | None:
        return next((key for key in self.options.username_fields if key in data), None)

    async def _named(self, field: str, username: str, extra: Query) -> list[dict[str, Any]]:
        value = username.lower() if field in self.options.lower_case_fields else username
        return await self.authentication.entities.find({**extra, field: value, "$limit": 2})

    async def _verified(self, entity: dict[str, Any] | None, password: str) -> dict[str, Any] | None:
        passwords = self.authentication.passwords
        hashed = entity.get(self.options.password_field) if entity is not None else None
        if entity is None or not isinstance(hashed, str):
            await passwords.verify_absent(password)
            return None
        if not await passwords.verify(hashed, password):
            return None
        if passwords.needs_rehash(hashed):
            await self._rehash(entity, hashed, password)
        return entity

    async def _extra_query(self, data: Mapping[str, Any]) -> Query | None:
        if self.options.extra_query is None:
            return {}
        answer = self.options.extra_query(data)
        return await answer if inspect.isawaitable(answer) else answer

    async def _rehash(self, entity: Mapping[str, Any], hashed: str, password: str) -> None:
        """Store the password with today's costs, unless it was changed meanwhile; a failure is logged."""
        entities = self.authentication.entities
        name = self.options.password_field
        params = Params({HASHED: True, KEEPS_SESSIONS: True, "query": {name: hashed}})
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
