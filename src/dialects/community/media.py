from __future__ import annotations

from typing import Any

from ...core.application import Application
from ...core.context import Params
from ...core.errors import NotFound
from .calls import Calls
from .shapes import Data


class MediaService:
    """``/chat_media/{groupId}/{messageId}/{filename}``: where members get the file of a message.

    The address that is answered holds for some minutes; this one holds for as long as the message does, for
    whoever may read it.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def get(self, id: Any, params: Params) -> Data:
        calls, route = Calls(self._app, params, {}), params.route
        message = await calls.make("messages", "get", id=route["messageId"])
        if str(message["conversationId"]) == route["groupId"]:
            for attachment in message["attachments"]:
                if attachment.get("name") == str(id) and "attachmentId" in attachment:
                    file = await calls.make("attachments", "get", id=str(attachment["attachmentId"]))
                    return {"url": file["download"]["url"], "expiresAt": file["download"]["expiresAt"]}
        raise NotFound(f"No record found for id '{id}'")
