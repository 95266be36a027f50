"""Calls that happen as one: the transaction of a call, and nested calls that join it."""

from __future__ import annotations

from typing import Any, Final

from ..core.adapters.transaction import TransactionHook, transaction
from ..core.context import HookContext, Params
from ..models import School

JOINING: Final = ("session", "after_commit")

together: Final[TransactionHook] = transaction(lambda _: School.documents().database.client)
"""An around hook: all that the call does in the school's database happens, or nothing of it."""


def joined(context: HookContext, **params: Any) -> Params:
    """Params of a nested call of own code: in the transaction of this one, if it is in any.

    A write that fails ends the whole transaction: what may exist is to be looked for, not to be tried.
    """
    return Params({name: context.params[name] for name in JOINING if name in context.params}, **params)
