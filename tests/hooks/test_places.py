from __future__ import annotations

from stonechat.hooks.places import visible_place


def test_each_reads_of_a_place_what_is_theirs_to_see() -> None:
    place = {"role": "member", "mutedUntil": None, "silencedUntil": None, "lastSentAt": None}
    assert visible_place(place, own=True, manages=False).keys() == {"role", "mutedUntil", "silencedUntil"}
    assert visible_place(place, own=False, manages=True).keys() == {"role", "silencedUntil"}
    assert visible_place(place, own=False, manages=False).keys() == {"role"}
