"""The rules of a client's copy, one at a time."""

from __future__ import annotations

from typing import Any

from tests.history.replica import Replica, Talk

Json = Any

TALK, ADA, BEN = "talk", "ada", "ben"


def message(revision: int, content: str = "hello", **more: Json) -> Json:
    own = {"_id": "m", "conversationId": TALK, "seq": 1, "revision": revision, "content": content}
    return {**own, "reactions": [], "deletedAt": None, **more}


def place(user: str, revision: int) -> Json:
    own = {"_id": user, "conversationId": TALK, "userId": user, "revision": revision}
    return {**own, "deliveredSeq": 0, "readSeq": 0}


def reaction(revision: int, count: int | None) -> Json:
    return {"messageId": "m", "conversationId": TALK, "emoji": "👍", "count": count, "revision": revision}


def tally(count: int) -> Json:
    return [{"emoji": "👍", "count": count}]


def changes(revision: int, **more: Json) -> Json:
    empty: dict[str, list[Json]] = {name: [] for name in ("messages", "members", "left", "receipts")}
    told = {TALK: {"revision": revision, "clock": 1, **empty, **more}}
    return {"at": "now", "conversations": told, "joined": [], "left": [], "resync": False}


def fetched() -> tuple[Replica, Talk]:
    """Ada's copy of a conversation with one message, as of revision 3."""
    replica = Replica(ADA)
    talk = replica.begin(TALK)
    whole = {"_id": TALK, "revision": 3, "clock": 1}
    replica.finish(talk, whole, [place(ADA, 1), place(BEN, 2)], [message(3)])
    return replica, talk


def shown(talk: Talk) -> tuple[str, Json]:
    message = talk.messages["m"].shown()
    return message["content"], message["reactions"]


def test_an_older_state_changes_nothing() -> None:
    replica, talk = fetched()
    replica.event("messages patched", message(5, "newer"))
    replica.event("messages patched", message(4, "older", reactions=tally(1)))
    assert shown(talk) == ("newer", {})


def test_an_edit_that_comes_behind_a_later_reaction_is_applied_without_its_tallies() -> None:
    replica, talk = fetched()
    replica.event("reactions created", reaction(5, 1))
    replica.event("messages patched", message(4, "edited"))
    assert shown(talk) == ("edited", {"👍": 1})


def test_a_tombstone_shows_no_reaction_that_is_taken_back_later() -> None:
    replica, talk = fetched()
    replica.event("messages removed", message(4, deletedAt="now"))
    replica.event("reactions removed", reaction(5, 1))
    assert shown(talk)[1] == {}


def test_the_revision_to_sync_from_waits_for_what_is_lacking() -> None:
    replica, talk = fetched()
    replica.event("messages patched", message(5))
    assert talk.revision == 3
    replica.event("messages patched", message(4))
    assert talk.revision == 5


def test_a_reaction_without_its_count_is_left_to_the_next_sync() -> None:
    replica, talk = fetched()
    replica.event("reactions created", reaction(4, None))
    assert talk.revision == 3
    replica.synced(changes(4, messages=[message(4, reactions=tally(2))]))
    assert (talk.revision, shown(talk)[1]) == (4, {"👍": 2})


def test_a_removal_that_is_older_than_the_place_is_late() -> None:
    replica, talk = fetched()
    replica.event("members created", place(BEN, 6))
    replica.event("members removed", place(BEN, 5))
    assert talk.places.keys() == {ADA, BEN}
    replica.event("members removed", place(BEN, 7))
    replica.event("members created", place(BEN, 6))
    assert talk.places.keys() == {ADA}


def test_who_left_before_the_answer_and_came_back_after_it_is_there() -> None:
    replica, talk = fetched()
    replica.event("members created", place(BEN, 6))
    replica.synced(changes(5, left=[BEN]))
    assert talk.places.keys() == {ADA, BEN}


def test_a_new_place_of_ones_own_means_to_fetch_anew() -> None:
    replica, _ = fetched()
    replica.event("members removed", place(ADA, 4))
    assert (replica.talks, replica.wanted) == ({}, set())
    replica.event("members created", place(ADA, 5))
    assert replica.wanted == {TALK}


def test_a_fetch_that_a_removal_has_overtaken_is_thrown_away() -> None:
    replica, talk = fetched()
    assert replica.begin(TALK) is talk
    replica.event("members removed", place(ADA, 4))
    replica.finish(talk, {"_id": TALK, "revision": 3, "clock": 1}, [place(ADA, 1)], [message(3)])
    assert replica.talks == {}


def test_a_fetch_that_lacks_messages_is_made_again() -> None:
    replica = Replica(ADA)
    talk = replica.begin(TALK)
    replica.finish(talk, {"_id": TALK, "revision": 3, "clock": 2}, [place(ADA, 1)], [message(3)])
    assert replica.wanted == {TALK}
    assert not talk.is_whole


def test_what_is_too_much_to_tell_is_fetched_anew() -> None:
    replica, _ = fetched()
    told = {TALK: {"revision": 900, "clock": 800, "resync": True}}
    replica.synced({"at": "now", "conversations": told, "joined": [], "left": [], "resync": False})
    assert replica.wanted == {TALK}
