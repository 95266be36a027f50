from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from stonechat.bench.frames import CONTINUATION, FINAL, PING, TEXT, FrameReader, frame


def of_server(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """The frame as a server sends it: without a mask."""
    masked = frame(opcode, payload)
    head = len(masked) - len(payload) - 4
    first = masked[0] if final else masked[0] & ~FINAL
    return bytes((first, masked[1] & 127)) + masked[2:head] + payload


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_frames_of_every_length_are_read(length: int) -> None:
    assert FrameReader().feed(of_server(TEXT, b"x" * length)) == [(TEXT, b"x" * length)]


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(min_value=1, max_value=400))
def test_where_the_bytes_are_cut_makes_no_difference(payloads: list[bytes], step: int) -> None:
    data = b"".join(of_server(TEXT, payload) for payload in payloads)
    reader = FrameReader()

    read = [one for at in range(0, len(data), step) for one in reader.feed(data[at : at + step])]

    assert read == [(TEXT, payload) for payload in payloads]


def test_a_message_in_pieces_is_put_together_around_a_ping() -> None:
    data = (
        of_server(TEXT, b"one ", final=False)
        + of_server(PING, b"?")
        + of_server(CONTINUATION, b"two ", final=False)
        + of_server(CONTINUATION, b"three")
    )

    assert FrameReader().feed(data) == [(PING, b"?"), (TEXT, b"one two three")]
