from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from ...core.application import Application
from ...core.context import Params
from ...core.pagination import Page
from ...core.shapes import is_mapping
from .calls import Calls, in_school_names, picked, shown_page
from .shapes import Data, message_of, status_of

PAGE: Final = 50
NAMELESS: Final = "file"
NAMES: Final = {"conversationId": "groupId", "createdAt": "timestamp", "attachments": "mediaUrl"}


class MessagesService:
    """The newest come first; ``timestamp`` is when the school has stored the message."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def find(self, params: Params) -> Page:
        calls, query = Calls(self._app, params, NAMES), dict(params.query)
        selected = query.pop("$select", None)
        query["$limit"] = min(query.get("$limit", PAGE), PAGE)
        query["$sort"] = _order(query)
        page: Page = await calls.make("messages", "find", query=in_school_names(query))
        return shown_page(page, await _shown(calls, page["data"]), selected)

    async def get(self, id: Any, params: Params) -> Data:
        calls = Calls(self._app, params, NAMES)
        (message,) = await _shown(calls, [await calls.make("messages", "get", id=id)])
        return picked(message, params.query.get("$select"))

    async def create(self, data: Data, params: Params) -> Data:
        calls = Calls(self._app, params, NAMES)
        sent = {
            name: data[name] for name in ("type", "content", "idempotencyKey") if data.get(name) is not None
        }
        if files := _files(data):
            sent["attachments"] = files
        message = await calls.make(
            "messages", "create", data={"conversationId": str(data["groupId"]), **sent}
        )
        return message_of(message, message.get("status", "sent"))

    async def patch(self, id: Any, data: Data, params: Params) -> Data:
        """``status`` says how far the caller has come, up to this message; ``content`` edits it."""
        calls = Calls(self._app, params, NAMES)
        message = await calls.make("messages", "get", id=id)
        if "content" in data:
            edit = {"content": data["content"]}
            message = await calls.make("messages", "patch", id=id, data=edit)
        if "status" in data:
            cursors = ("deliveredSeq",) if data["status"] == "delivered" else ("deliveredSeq", "readSeq")
            reached = dict.fromkeys(cursors, message["seq"])
            moved = {"conversationId": str(message["conversationId"]), **reached}
            await calls.make("members", "acknowledge", data=moved)
        (shown,) = await _shown(calls, [message])
        return shown

    async def remove(self, id: Any, params: Params) -> Data:
        calls = Calls(self._app, params, NAMES)
        (shown,) = await _shown(calls, [await calls.make("messages", "remove", id=id)])
        return shown


def _order(query: Mapping[str, Any]) -> dict[str, int]:
    """By time is by number within one group."""
    sort: Mapping[str, int] = query.get("$sort") or {}
    direction = sort.get("timestamp", -1)
    group = query.get("groupId")
    return {"seq" if group is not None and not is_mapping(group) else "createdAt": direction}


def _files(data: Mapping[str, Any]) -> list[Data]:
    if (attachment := data.get("attachmentId")) is not None:
        return [{"attachmentId": str(attachment)}]
    url: str | None = data.get("mediaUrl")
    if url is None:
        return []
    name = unquote(urlsplit(url).path.rpartition("/")[2])[:255]
    return [{"name": name if name.strip() else NAMELESS, "url": url}]


async def _shown(calls: Calls, messages: Sequence[Mapping[str, Any]]) -> list[Data]:
    """The school tells the sender how far the others have come; here everybody may know."""
    unknown = {str(one["conversationId"]) for one in messages if "status" not in one}
    places: dict[str, list[Data]] = defaultdict(list)
    if unknown:
        fields = ["conversationId", "userId", "deliveredSeq", "readSeq"]
        query = {"conversationId": {"$in": sorted(unknown)}, "$select": fields}
        for place in await calls.all("members", query):
            places[str(place["conversationId"])].append(place)
    return [
        message_of(one, one.get("status") or status_of(one, places[str(one["conversationId"])]))
        for one in messages
    ]
