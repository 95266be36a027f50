from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stonechat.core.errors import Unavailable
from stonechat.models.in_hand import FORGOTTEN_SECONDS, RENEWED_SECONDS, InHand


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def delivery(revision: int) -> dict[str, Any]:
    return {"_id": f"delivery {revision}", "conversationId": "talk", "revision": revision}


def test_what_is_in_hand_for_long_is_renewed_again_and_again() -> None:
    clock = Clock()
    in_hand = InHand(clock=clock)
    in_hand.take([delivery(1), delivery(2)])
    assert in_hand.to_renew() == []
    for _ in range(2):
        clock.at += RENEWED_SECONDS
        assert in_hand.to_renew() == ["delivery 1", "delivery 2"]
        assert in_hand.to_renew() == []


def test_what_nobody_tells_is_let_go_and_what_is_told_is_not() -> None:
    clock = Clock()
    in_hand = InHand(clock=clock)
    in_hand.take([delivery(1), delivery(2)])
    in_hand.telling(("talk", 2))
    clock.at = FORGOTTEN_SECONDS
    assert in_hand.to_renew() == ["delivery 2"]
    assert (("talk", 1) in in_hand, ("talk", 2) in in_hand) == (False, True)


async def test_who_writes_waits_until_there_is_less_to_tell() -> None:
    in_hand = InHand(most=2)
    await in_hand.room()
    in_hand.take([delivery(1), delivery(2)])
    waiting = asyncio.create_task(in_hand.room())
    _ = await asyncio.wait([waiting], timeout=0)
    assert not waiting.done()
    in_hand.let_go([("talk", 1)])
    await waiting


async def test_who_has_waited_too_long_is_refused_and_may_try_again() -> None:
    in_hand = InHand(most=1, patience=0.01)
    in_hand.take([delivery(1)])
    with pytest.raises(Unavailable, match="too much to do, try again"):
        await in_hand.room()
    in_hand.let_go([("talk", 1)])
    await in_hand.room()
