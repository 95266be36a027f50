from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...core.application import Application
from ...core.context import Params
from ...core.pagination import Page
from .calls import Calls, in_school_names, picked, shown_page
from .shapes import Data, group_of

NAMES: Final = {"memberIds": "members", "userId": "members"}


class GroupsService:
    """Groups are the caller's conversations, of whatever kind."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def find(self, params: Params) -> Page:
        calls, query = Calls(self._app, params, NAMES), dict(params.query)
        selected = query.pop("$select", None)
        page: Page = await calls.make("conversations", "find", query=in_school_names(query))
        return shown_page(page, await _shown(calls, page["data"]), selected)

    async def get(self, id: Any, params: Params) -> Data:
        calls = Calls(self._app, params, NAMES)
        (group,) = await _shown(calls, [await calls.make("conversations", "get", id=id)])
        return picked(group, params.query.get("$select"))

    async def create(self, data: Data, params: Params) -> Data:
        """The caller is in it too."""
        calls = Calls(self._app, params, NAMES)
        named = {"kind": "group", "name": data["name"], "memberIds": list(map(str, data["members"]))}
        (group,) = await _shown(calls, [await calls.make("conversations", "create", data=named)])
        return group

    async def patch(self, id: Any, data: Data, params: Params) -> Data:
        """``members`` are all who are to be in it: the others are let in and removed, one by one."""
        calls = Calls(self._app, params, NAMES)
        conversation = await calls.make("conversations", "get", id=id)
        if "name" in data:
            conversation = await calls.make("conversations", "patch", id=id, data={"name": data["name"]})
        if "members" in data:
            members = {str(one) for one in data["members"]}
            await _seat(calls, str(conversation["_id"]), members)
            if str(calls.user_id) in members:  # what the school says about it is the newest message
                conversation = await calls.make("conversations", "get", id=id)
        (group,) = await _shown(calls, [conversation])
        return group


async def _shown(calls: Calls, conversations: Iterable[Mapping[str, Any]]) -> list[Data]:
    found = list(conversations)
    members: dict[Any, list[Any]] = {str(one["_id"]): [] for one in found}
    if members:
        query = {"conversationId": {"$in": list(members)}, "$select": ["conversationId", "userId"]}
        for place in await calls.all("members", query):
            members[str(place["conversationId"])].append(place["userId"])
    return [group_of(one, members[str(one["_id"])]) for one in found]


async def _seat(calls: Calls, group: str, wanted: set[str]) -> None:
    """Raises what the service of members does about the first who must not come or go."""
    there = {str(place["userId"]): place for place in await calls.all("members", {"conversationId": group})}
    for person in sorted(wanted - there.keys()):
        await calls.make("members", "create", data={"conversationId": group, "userId": person})
    # Who leaves too goes last: after that nothing can be changed.
    leaving = sorted(there.keys() - wanted, key=lambda person: (person == str(calls.user_id), person))
    for person in leaving:
        await calls.make("members", "remove", id=str(there[person]["_id"]))
