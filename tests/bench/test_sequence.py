from __future__ import annotations

from stonechat.bench.sequence import Sequence


def seen(*seqs: int) -> Sequence:
    sequence = Sequence()
    for seq in seqs:
        sequence.see(seq)
    return sequence


def test_what_comes_in_order_lacks_nothing() -> None:
    sequence = seen(7, 8, 9)
    sequence.end(9)

    assert (sequence.missing, sequence.duplicates, sequence.late) == (set(), 0, 0)


def test_what_is_left_out_is_missing_until_it_comes() -> None:
    sequence = seen(1, 4, 2)

    assert (sequence.missing, sequence.late) == ({3}, 1)


def test_what_comes_twice_is_a_duplicate_however_old_it_is() -> None:
    assert seen(5, 6, 6).duplicates == 1
    assert seen(5, 6, 5).duplicates == 1
    assert seen(5, 4).duplicates == 0
    assert seen(5, 4, 4).duplicates == 1


def test_what_was_written_last_and_never_came_is_missing() -> None:
    sequence = seen(1, 2)
    sequence.end(4)
    silent = Sequence()
    silent.end(4)

    assert sequence.missing == {3, 4}
    assert silent.missing == {4}
