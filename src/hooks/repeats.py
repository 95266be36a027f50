"""What exists once is answered again, however often it is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..core.context import HookContext, Params
from ..core.errors import Conflict


def answer_first(*fields: str) -> Callable[[HookContext], Awaitable[None]]:
    """Before a create, and on its error: a record with these fields that is there already is the answer.

    ``fields`` are what is unique of a record. Nobody is told of it again, and over REST it is 200.
    """

    async def answer(context: HookContext) -> None:
        if context.error is not None and not isinstance(context.error, Conflict):
            return
        query = {name: context.data[name] for name in fields}
        school = context.params.get("tenant")
        found = await context.service.find(
            Params(query={**query, "$limit": 1}, tenant=school, paginate=False)
        )
        if found:
            context.result = found[0]
            context.event = None
            context.http.status = 200

    return answer
