import asyncio

import pytest

from stonechat.socket.testing import ManualTime
from stonechat.socket.typing_status import TypingStatus

START, STOP = "typing:start", "typing:stop"


class Forwards(list[tuple[float, str, str, str]]):
    """What was forwarded, with the second it was: (second, event, conversationId, userId)."""

    def __init__(self, time: ManualTime) -> None:
        super().__init__()
        self.time = time

    def __call__(self, event: str, conversation_id: str, user_id: str) -> None:
        self.append((self.time.elapsed, event, conversation_id, user_id))


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
def forwarded(time: ManualTime) -> Forwards:
    return Forwards(time)


@pytest.fixture
def typing(time: ManualTime, forwarded: Forwards) -> TypingStatus[str]:
    return TypingStatus(forwarded, call_later=time.call_later, monotonic=time.monotonic)


def test_a_start_and_a_stop_are_forwarded(typing: TypingStatus[str], forwarded: Forwards) -> None:
    assert typing.start("phone", "ada", "room")
    typing.stop("phone", "ada", "room")

    assert forwarded == [(0, START, "room", "ada"), (0, STOP, "room", "ada")]


def test_a_stop_without_a_start_is_not_forwarded(typing: TypingStatus[str], forwarded: Forwards) -> None:
    typing.stop("phone", "ada", "room")
    typing.start("phone", "ada", "room")
    typing.stop("phone", "ben", "room")
    typing.stop("phone", "ada", "other")
    typing.stop("laptop", "ada", "room")

    assert forwarded == [(0, START, "room", "ada")]


def test_a_start_expires_by_itself(typing: TypingStatus[str], time: ManualTime, forwarded: Forwards) -> None:
    typing.start("phone", "ada", "room")
    time.advance(7.9)
    assert forwarded == [(0, START, "room", "ada")]

    time.advance(60)
    assert forwarded == [(0, START, "room", "ada"), (8, STOP, "room", "ada")]
    assert len(typing) == 0


def test_repeats_are_forwarded_every_three_seconds_and_prolong_the_typing(
    typing: TypingStatus[str], time: ManualTime, forwarded: Forwards
) -> None:
    for _ in range(10):
        typing.start("phone", "ada", "room")
        time.advance(1)
    time.advance(60)

    assert forwarded == [
        (0, START, "room", "ada"),
        (3, START, "room", "ada"),
        (6, START, "room", "ada"),
        (9, START, "room", "ada"),
        (17, STOP, "room", "ada"),
    ]


def test_a_start_after_a_stop_is_a_new_one(
    typing: TypingStatus[str], time: ManualTime, forwarded: Forwards
) -> None:
    typing.start("phone", "ada", "room")
    time.advance(1)
    typing.stop("phone", "ada", "room")
    typing.start("phone", "ada", "room")
    time.advance(60)

    assert forwarded == [
        (0, START, "room", "ada"),
        (1, STOP, "room", "ada"),
        (1, START, "room", "ada"),
        (9, STOP, "room", "ada"),
    ]


def test_a_disconnect_ends_the_typing_of_that_connection(
    typing: TypingStatus[str], time: ManualTime, forwarded: Forwards
) -> None:
    typing.start("phone", "ada", "room")
    typing.start("phone", "ada", "club")
    typing.start("tablet", "ben", "room")
    forwarded.clear()
    typing.disconnect("phone")
    typing.disconnect("phone")

    assert forwarded == [(0, STOP, "club", "ada"), (0, STOP, "room", "ada")]
    time.advance(60)
    assert forwarded[2:] == [(8, STOP, "room", "ben")]


def test_a_message_ends_the_typing_in_its_conversation_only(
    typing: TypingStatus[str], forwarded: Forwards
) -> None:
    typing.start("phone", "ada", "room")
    typing.start("laptop", "ada", "room")
    typing.start("phone", "ada", "club")
    typing.start("tablet", "ben", "room")
    forwarded.clear()
    typing.sent("ada", "room")
    typing.sent("ada", "elsewhere")

    assert forwarded == [(0, STOP, "room", "ada")]
    assert len(typing) == 2


def test_two_devices_of_a_user_count_as_one_typist(
    typing: TypingStatus[str], time: ManualTime, forwarded: Forwards
) -> None:
    typing.start("phone", "ada", "room")
    time.advance(1)
    typing.start("laptop", "ada", "room")
    typing.disconnect("phone")
    assert forwarded == [(0, START, "room", "ada")]

    typing.stop("laptop", "ada", "room")
    assert forwarded == [(0, START, "room", "ada"), (1, STOP, "room", "ada")]


def test_a_connection_types_in_twenty_conversations_at_most(
    typing: TypingStatus[str], time: ManualTime, forwarded: Forwards
) -> None:
    assert all(typing.start("phone", "ada", f"room {n}") for n in range(20))
    assert not typing.start("phone", "ada", "one more")
    assert typing.start("phone", "ada", "room 7")
    assert typing.start("laptop", "ada", "one more")
    assert len(typing) == 21
    assert len(time.pending) == 21

    typing.stop("phone", "ada", "room 7")
    assert typing.start("phone", "ada", "yet one more")


def test_nothing_is_kept_once_all_is_quiet(
    typing: TypingStatus[str], time: ManualTime, forwarded: Forwards
) -> None:
    for n in range(15):
        typing.start(f"phone {n}", f"user {n}", "room")
        typing.start(f"phone {n}", f"user {n}", f"club {n}")
    typing.disconnect("phone 3")
    typing.sent("user 4", "room")
    time.advance(60)

    assert len(typing) == 0
    assert not typing._places  # pyright: ignore[reportPrivateUsage]
    assert sorted(event for _, event, _, _ in forwarded) == [START] * 30 + [STOP] * 30


def test_closing_cancels_the_timers_and_tells_nobody(
    typing: TypingStatus[str], time: ManualTime, forwarded: Forwards
) -> None:
    typing.start("phone", "ada", "room")
    typing.close()
    time.advance(60)

    assert forwarded == [(0, START, "room", "ada")]
    assert not time.pending


async def test_the_running_loop_is_the_default_scheduler() -> None:
    stopped = asyncio.Event()

    def forward(event: str, conversation_id: str, user_id: str) -> None:
        if event == STOP:
            stopped.set()

    TypingStatus[str](forward, expires=0.001).start("phone", "ada", "room")
    async with asyncio.timeout(10):
        await stopped.wait()
