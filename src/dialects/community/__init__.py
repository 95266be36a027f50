"""Community: its groups, messages and analytics, as services beside the school's own over its records."""

from __future__ import annotations

from ...core.application import Application
from .analytics import AnalyticsService
from .groups import GroupsService
from .hooks import hooks, media_hooks
from .live import live
from .media import MediaService
from .messages import MessagesService
from .schema import (
    AnalyticsQuery,
    AnalyticsResult,
    GroupData,
    GroupPatch,
    GroupQuery,
    GroupResult,
    MediaResult,
    MessagePatch,
    MessageQuery,
    MessageResult,
    message_data,
)

GROUPS = "community/groups"
MESSAGES = "community/messages"
ANALYTICS = "community/analytics"
MEDIA = "chat_media/:groupId/:messageId"


def community(app: Application) -> None:
    """Goes after the services and the school's sockets."""
    app.use(
        GROUPS,
        GroupsService(app),
        methods=("find", "get", "create", "patch"),
        schemas={"result": GroupResult()},
        description="Community: the groups that the caller is in.",
        paginated=True,
        tenant=True,
    )
    app.service(GROUPS).hooks(hooks(GroupQuery(), create=GroupData(), patch=GroupPatch()))
    app.use(
        MESSAGES,
        MessagesService(app),
        methods=("find", "get", "create", "patch", "remove"),
        schemas={"result": MessageResult()},
        description="Community: the messages of the caller's groups, the newest 50 first.",
        paginated=True,
        tenant=True,
        # Receipts say what was read, which the suspended may; of the rest the messages' own hooks keep them.
        while_suspended=("patch",),
    )
    data = message_data(app.settings["messages"]["max_length"])
    app.service(MESSAGES).hooks(hooks(MessageQuery(), create=data, patch=MessagePatch()))
    app.use(
        ANALYTICS,
        AnalyticsService(app),
        methods=("find", "get"),
        schemas={"result": AnalyticsResult()},
        description="Community: how many messages the groups have, for who teaches there or manages them.",
        paginated=True,
        tenant=True,
    )
    app.service(ANALYTICS).hooks(hooks(AnalyticsQuery()))
    app.use(
        MEDIA,
        MediaService(app),
        methods=("get",),
        schemas={"result": MediaResult()},
        description="Community: the file of a message, by the way to it for some minutes.",
        tenant=True,
    )
    app.service(MEDIA).hooks(media_hooks())
    live(app, groups=app.service(GROUPS), messages=app.service(MESSAGES))
