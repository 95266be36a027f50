"""What is told in a room of a dialect reaches those who have joined it on another node."""

from __future__ import annotations

from tests.nodes.nodes import Cluster
from tests.support.wire import Wire


async def test_a_room_is_one_on_all_nodes(nodes: Cluster) -> None:
    ada, ben = await nodes.person("ada"), await nodes.person("ben")
    room = await nodes[0].school.conversation("ada", "ben")
    async with (
        Wire.open(nodes[0].school.url, auth={"token": ada.token}, namespace="/campzone") as here,
        Wire.open(nodes[1].school.url, auth={"token": ben.token}, namespace="/campzone") as there,
    ):
        await here.ask("join_room", {"roomId": room})
        await there.ask("join_room", {"roomId": room})
        (joined,) = await here.event("user_joined")
        assert (joined["roomId"], joined["userId"]) == (room, ben.id)
        message = {"roomId": room, "content": "Is anybody there?", "idempotencyKey": f"from {room}"}
        sent = await here.ask("send_message", message)
        (told,) = await there.event("new_message")
        assert (told["messageId"], told["content"]) == (sent["messageId"], "Is anybody there?")
        await there.ask("mark_read", {"roomId": room, "messageId": sent["messageId"]})
        assert (await here.event("read_receipt"))[0]["userId"] == ben.id
        await there.ask("leave_room", {"roomId": room})
        assert (await here.event("user_left"))[0]["userId"] == ben.id
