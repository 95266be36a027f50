"""Team Chat's device tokens as calls of the school's services."""

from __future__ import annotations

from ..caller import Caller
from ..dialect import Data


async def register(caller: Caller, data: Data) -> Data:
    device = {name: data[name] for name in ("token", "provider", "platform") if name in data}
    return _device_of(await caller.call("devices", "create", device))


async def forget(caller: Caller, data: Data) -> Data:
    return _device_of(await caller.call("devices", "remove", id=str(data["id"])))


def _device_of(device: Data) -> Data:
    return {
        "id": device["_id"],
        "provider": device["provider"],
        "platform": device.get("platform"),
        "created_at": device["createdAt"],
    }
