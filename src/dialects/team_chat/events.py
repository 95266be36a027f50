"""What Team Chat's clients ask for over sockets; topics are ``team:<teamId>:channel:<channelId>``."""

from __future__ import annotations

import re
from typing import Any

from ...core.schema import invalid
from ...socket.events import ClientEvent
from ..caller import SocketCaller
from ..dialect import Data
from .channels import own_place
from .schema import TOPIC


async def subscribe(caller: SocketCaller, data: Data) -> Data:
    """Raises Forbidden for who is not in the channel, BadRequest for another team's."""
    channel_id = await _channel(caller, data)
    caller.join(channel_id)
    return {"topic": data["topic"], "channel_id": channel_id}


async def unsubscribe(caller: SocketCaller, data: Data) -> Data:
    _, channel_id = _parts(data)
    caller.leave(channel_id)
    return {"topic": data["topic"], "channel_id": channel_id}


async def typing_start(caller: SocketCaller, data: Data) -> Any:
    return await _types(caller, ClientEvent.TYPING_START, data)


async def typing_stop(caller: SocketCaller, data: Data) -> Any:
    return await _types(caller, ClientEvent.TYPING_STOP, data)


async def presence(caller: SocketCaller, data: Data) -> Data:
    channel_id = await _channel(caller, data)
    query = {"conversationId": channel_id, "$select": ["userId"], "$limit": 200}
    members = (await caller.call("members", "find", query=query))["data"]
    asked = {"userIds": [str(member["userId"]) for member in members]}
    online = (await caller.ask(ClientEvent.PRESENCE_GET, asked))["online"]
    return {"topic": data["topic"], "online": online}


async def _types(caller: SocketCaller, event: ClientEvent, data: Data) -> Data:
    _, channel_id = _parts(data)
    await caller.ask(event, {"conversationId": channel_id})
    return {"topic": data["topic"]}


async def _channel(caller: SocketCaller, data: Data) -> str:
    team_id, channel_id = _parts(data)
    await own_place(caller, channel_id)
    channel = await caller.call("conversations", "get", id=channel_id)
    # A direct channel is of no team: it has a topic in each that both are in.
    if channel["kind"] != "direct" and str(channel.get("teamId")) != team_id:
        raise invalid("topic", "is a channel of another team")
    return channel_id


def _parts(data: Data) -> tuple[str, str]:
    """The ids of the team and of the channel."""
    found = re.fullmatch(TOPIC, data["topic"])
    if found is None:
        raise invalid("topic", "is not a topic")
    return found["team"].lower(), found["channel"].lower()
