import asyncio
from typing import cast

from stonechat.core.writes import AT_ONCE, MAX_KEPT, joined


class Line(asyncio.Transport):
    """Keeps what is written, in the pieces in which it was."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def line() -> tuple[Line, asyncio.Transport]:
    inner = Line()
    return inner, joined(inner, asyncio.get_running_loop())


async def turn() -> None:
    await asyncio.sleep(0)


async def test_what_is_written_in_one_turn_leaves_in_one_piece_and_in_order() -> None:
    inner, transport = line()
    transport.write(b"head ")
    transport.write(b"body")
    assert inner.pieces == []
    await turn()
    transport.write(b"next")
    await turn()
    assert inner.pieces == [b"head body", b"next"]


async def test_much_at_once_is_not_kept_back() -> None:
    inner, transport = line()
    transport.write(b"x" * MAX_KEPT)
    assert inner.pieces == []
    transport.write(b"y")
    assert inner.pieces == [b"x" * MAX_KEPT + b"y"]
    transport.write(b"z")
    await turn()
    await turn()
    assert inner.pieces[1:] == [b"z"]


async def test_nothing_written_is_lost_by_closing() -> None:
    inner, transport = line()
    transport.write(b"goodbye")
    transport.close()
    assert inner.pieces == [b"goodbye"]
    assert inner.closed
    await turn()
    assert inner.pieces == [b"goodbye"]


async def test_hanging_up_drops_what_was_not_sent() -> None:
    inner, transport = line()
    transport.write(b"never")
    transport.abort()
    await turn()
    assert inner.pieces == []


async def test_the_rest_is_the_inner_transport_s() -> None:
    inner, transport = line()
    assert transport.get_extra_info("peername") == ("127.0.0.1", 1)
    assert not transport.is_closing()
    inner.closed = True
    assert transport.is_closing()
    assert cast("object", transport) is not inner


async def test_many_connections_are_written_to_in_several_turns_and_each_in_order() -> None:
    lines = [line() for _ in range(AT_ONCE + 1)]
    for text in (b"first ", b"second"):
        for _, transport in lines:
            transport.write(text)
    await turn()
    assert [inner.pieces for inner, _ in lines[:AT_ONCE]] == [[b"first second"]] * AT_ONCE
    assert lines[-1][0].pieces == []
    lines[-1][1].write(b" third")
    await turn()
    assert lines[-1][0].pieces == [b"first second third"]
