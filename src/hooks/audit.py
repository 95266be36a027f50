"""What people with power do goes into the audit log, or is not done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from ..core.context import HookContext
from ..core.hooks import Next
from ..core.shapes import is_list
from ..models.audit_entry import append
from .transactions import together
from .turns import in_turn

T = TypeVar("T")
Record = dict[str, Any]
Of = Callable[[HookContext, Record], T]
"""What there is to say of a call and of what it came to."""


def audited(
    action: str | None = None,
    *,
    subject: Of[tuple[str, Any]] | None = None,
    details: Of[Mapping[str, Any]] | None = None,
    when: Of[bool] | None = None,
) -> AuditedHook:
    """An around hook: the call and its entry in the audit log are one transaction.

    ``action`` is ``<path>.<method>`` and ``subject`` the record unless they are given. ``details`` must hold
    no content, no password and nobody's name: nothing of it can be taken back. Only a call for which
    ``when`` is true is entered; a result that is a list makes an entry for each record.

    A client's call is somebody's, one of own code is where ``params.user`` says whose. Of what nobody asked
    for there is no entry: a command writes its own, with ``append``. A call that fails leaves none either.
    As in any transaction, nested calls that write must join (``joined``).
    """
    return AuditedHook(action, subject, details, when)


@dataclass(frozen=True, slots=True)
class AuditedHook:
    """The hook of ``audited``."""

    repeats: ClassVar[bool] = True

    action: str | None
    subject: Of[tuple[str, Any]] | None
    details: Of[Mapping[str, Any]] | None
    when: Of[bool] | None

    async def __call__(self, context: HookContext, proceed: Next) -> None:
        async def act() -> None:
            await proceed()
            # Last, as whoever appends for the school has to wait from here on until the commit.
            for record in context.result if is_list(context.result) else [context.result]:
                await self._enter(context, record)

        # Of two such calls of a school one would be repeated: at its log they meet in any case.
        await in_turn(context, lambda: together(context, act))

    async def _enter(self, context: HookContext, record: Record) -> None:
        user = context.params.user
        if user is None or (self.when is not None and not self.when(context, record)):
            return
        await append(
            user["schoolId"],
            user["_id"],
            self.action or f"{context.path}.{context.method}",
            (context.path, record["_id"]) if self.subject is None else self.subject(context, record),
            None if self.details is None else self.details(context, record),
            session=context.params["session"],
        )


def changed_fields(context: HookContext, record: Record) -> dict[str, Any]:
    """Details: the names of the fields that a call was given."""
    return {"fields": sorted(context.data)}


def values_of(*names: str) -> Of[Mapping[str, Any]]:
    """Details: these fields of the record."""
    return lambda _, record: {name: record[name] for name in names}


def of_another(field: str) -> Of[bool]:
    """For ``when``: whether the record's ``field`` names somebody else than the caller."""
    return lambda context, record: record[field] != (context.params.user or {}).get("_id")
