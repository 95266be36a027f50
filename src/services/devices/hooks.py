from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any, Final

from ...core.authentication.sessions import session_of
from ...core.context import UNSET, HookContext, Params
from ...core.pagination import records_of, with_records
from ...core.push import Address, providers_of
from ...core.schema import invalid, validate_data, validate_query
from ...core.shapes import is_mapping
from ...hooks.limits import limited
from ...hooks.ownership import by_caller, own_only, sorted_by
from ...hooks.repeats import answer_first, answered
from ...models.record import now
from .schema import DeviceData, DeviceQuery, Nothing

HIDDEN: Final = frozenset({"digest", "keys", "sessionId"})
SHOWN: Final = 6
"""Characters of a token: enough to tell one's own devices apart, and useless for sending."""

RENEWED: Final = ("keys", "platform", "sessionId", "seenAt")

Next = Callable[[], Awaitable[None]]


async def show_no_token(context: HookContext, proceed: Next) -> None:
    await proceed()
    if context.result is not UNSET:
        context.dispatch = with_records(context.result, [shown(one) for one in records_of(context.result)])


def shown(device: Any) -> Any:
    if not is_mapping(device):
        return device
    visible = {name: value for name, value in device.items() if name not in HIDDEN}
    if "token" in visible:
        visible["token"] = f"…{str(visible['token']).rstrip(']')[-SHOWN:]}"
    return visible


def reachable(context: HookContext) -> None:
    """Raises BadRequest for a provider that is not in use, and for what can be no address of its devices."""
    data = context.data
    provider = providers_of(context.app).get(data["provider"])
    if provider is None:
        raise invalid("provider", "is not in use here")
    if data["provider"] != "web" and "keys" in data:
        raise invalid("keys", "are for the web only")
    if (problem := provider.problem(Address(data["token"], data.get("keys", {})))) is not None:
        raise invalid(*problem)


def stamped(context: HookContext) -> None:
    data = context.data
    data["digest"] = sha256(f"{data['provider']} {data['token']}".encode()).hexdigest()
    data["sessionId"] = session_of(context.params)
    data["seenAt"] = now()


async def known_again(context: HookContext) -> None:
    """A device that registers again is the same one; one that was another user's is so no more."""
    data = context.data
    query = {"digest": data["digest"], "$limit": 1}
    # Of whatever school it was.
    found = await context.service.find(Params(query=query, paginate=False))
    if not found:
        return
    if found[0]["userId"] == data["userId"]:
        renewed = {name: data[name] for name in RENEWED if name in data}
        answered(context, await context.service.patch(found[0]["_id"], renewed))
    else:
        await context.service.remove(found[0]["_id"])


def forget_oldest(most: int) -> Callable[[HookContext], Awaitable[None]]:
    """Of more devices than a user may have, those go that registered longest ago."""

    async def forget(context: HookContext) -> None:
        query = {"userId": context.result["userId"], "$sort": {"seenAt": -1}, "$skip": most}
        for device in await context.service.find(Params(query=query, paginate=False)):
            await context.service.remove(device["_id"])

    return forget


def hooks(most: int) -> dict[str, Any]:
    """``most``: devices that a user may have."""
    own, question = own_only("userId"), validate_query(DeviceQuery())
    return {
        "around": {"all": [show_no_token]},
        "before": {
            "find": [question, own, sorted_by(seenAt=-1)],
            "get": [question, own],
            "create": [
                question,
                limited("changes"),
                validate_data(DeviceData()),
                reachable,
                by_caller("userId"),
                stamped,
                known_again,
            ],
            "remove": [question, own],
            "offer": [validate_data(Nothing())],
        },
        "after": {"create": [forget_oldest(most)]},
        "error": {"create": [answer_first("userId", "digest")]},
    }
