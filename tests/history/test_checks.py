"""The checks find what is wrong: each history here is a good one with one thing broken."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.history.checks import all_checks
from tests.history.record import Change, Cursor, History, Sent
from tests.history.replica import Replica
from tests.history.stored import Stored

Json = Any

TALK, ADA, BEN, CLEO, EVE = "talk", "ada", "ben", "cleo", "eve"
AT = "2026-01-01T00:00:00.000Z"
FOUNDED, JOINED = 1, 6
"""The revisions in which Ada and Ben, and Cleo came; Cleo is removed in 7."""


class Run:
    """Ada writes two messages; Ben reacts to the first, writes one, removes it. Cleo is there for a while."""

    def __init__(self) -> None:
        self.stored = Stored()
        self.history = History(founders={TALK: {ADA, BEN}})
        self.stored.conversations[TALK] = {"_id": TALK, "clock": 3, "revision": 9}
        messages = [message(1, ADA, 2), message(2, ADA, 3), message(3, BEN, 4)]
        self.stored.messages[TALK] = messages
        for one in messages:
            sent = Sent(one["senderId"], TALK, one["seq"], one["idempotencyKey"], one["content"])
            sent.answers.append(copy.deepcopy(one))
            self.history.sent.append(sent)
        messages[0].update(reactions=[{"emoji": "👍", "count": 1}], revision=5)
        messages[1].update(content="edited", editCount=1, revision=8)
        messages[2].update(deletedAt=AT, deletedBy=BEN, revision=9)
        self.stored.reactions = [{"_id": "r", "messageId": "m1", "userId": BEN, "emoji": "👍"}]
        self.stored.members[TALK] = {user: place(user, FOUNDED) for user in (ADA, BEN)}
        changes = [
            ("conversations", "created", TALK),
            *(("messages", "created", f"m{seq}") for seq in (1, 2, 3)),
            ("reactions", "created", "r"),
            ("members", "created", CLEO),
            ("members", "removed", CLEO),
            ("messages", "patched", "m2"),
            ("messages", "removed", "m3"),
        ]
        self.stored.deliveries[TALK] = [
            delivery(revision, *change) for revision, change in enumerate(changes, 1)
        ]
        self.stored.deliveries[TALK][6]["gone"] = {"userId": CLEO}
        self.history.changes = [
            Change("react", BEN, TALK, "m1", "👍", "sure"),
            Change("edit", ADA, TALK, "m2", "edited", "sure"),
            Change("remove", BEN, TALK, "m3", "", "sure"),
        ]
        self.history.joins[CLEO, TALK] = [10.0]
        for user, revision, moment in ((ADA, 4, 1.0), (CLEO, 3, 11.0), (CLEO, 6, 11.0), (BEN, 9, 12.0)):
            self.history.heard[user, TALK][revision] = moment
        self.replica = Replica(ADA)
        talk = self.replica.begin(TALK)
        shown = [{**one, "content": None if one["deletedAt"] else one["content"]} for one in messages]
        members = list(self.stored.members[TALK].values())
        self.replica.finish(talk, self.stored.conversations[TALK], members, copy.deepcopy(shown))

    def faults(self) -> list[str]:
        return all_checks(self.history, self.stored, [self.replica])


def message(seq: int, sender: str, revision: int) -> Json:
    return {
        "_id": f"m{seq}",
        "conversationId": TALK,
        "senderId": sender,
        "idempotencyKey": f"key-{seq}",
        "type": "text",
        "content": f"message {seq}",
        "attachments": [],
        "mentions": [],
        "reactions": [],
        "forwardedFrom": None,
        "threadId": None,
        "seq": seq,
        "revision": revision,
        "createdRevision": revision,
        "createdAt": AT,
        "editCount": 0,
        "deletedAt": None,
    }


def place(user: str, revision: int) -> Json:
    return {
        "_id": user,
        "userId": user,
        "conversationId": TALK,
        "revision": revision,
        "deliveredSeq": 2,
        "readSeq": 1,
    }


def delivery(revision: int, path: str, event: str, record: str) -> Json:
    told = {"revision": revision, "path": path, "event": event, "recordId": record}
    return {**told, "gone": None, "state": "DELIVERED", "error": None}


def lost(run: Run) -> None:
    run.history.sent.append(Sent(ADA, TALK, 4, "key-4", "lost", answers=[message(4, ADA, 10)]))


def doubled(run: Run) -> None:
    run.stored.messages[TALK].append({**message(4, ADA, 10), "idempotencyKey": "key-1"})


def unsent(run: Run) -> None:
    run.stored.messages[TALK].append(message(4, ADA, 10))


def refused_and_there(run: Run) -> None:
    run.history.sent[0].answers.clear()
    run.history.sent[0].refused = 403


def answered_otherwise(run: Run) -> None:
    run.history.sent[0].answers.append({**message(1, ADA, 2), "_id": "m9", "duplicate": True})


def new_twice(run: Run) -> None:
    run.history.sent[0].answers.append(message(1, ADA, 2))


def misquoted(run: Run) -> None:
    run.history.sent[0].answers[0]["content"] = "something else"


def gap(run: Run) -> None:
    run.stored.messages[TALK][2]["seq"] = 4


def repeated_seq(run: Run) -> None:
    run.stored.messages[TALK][1]["seq"] = 1


def reordered(run: Run) -> None:
    first, second = run.history.sent[:2]
    first.number, second.number = second.number, first.number


def lost_edit(run: Run) -> None:
    run.stored.messages[TALK][1]["content"] = "message 2"


def undone_removal(run: Run) -> None:
    run.stored.messages[TALK][2]["deletedAt"] = None


def removed_by_nobody(run: Run) -> None:
    run.history.changes.pop()


def lost_reaction(run: Run) -> None:
    run.stored.reactions.clear()


def miscounted(run: Run) -> None:
    run.stored.messages[TALK][0]["reactions"][0]["count"] = 2


def stale_copy(run: Run) -> None:
    run.replica.talks[TALK].messages["m2"].record["content"] = "message 2"


def stale_tally(run: Run) -> None:
    run.replica.talks[TALK].messages["m1"].tallies.clear()


def copy_with_a_hole(run: Run) -> None:
    del run.replica.talks[TALK].messages["m2"]


def copy_of_what_is_not_ones_own(run: Run) -> None:
    del run.stored.members[TALK][ADA]
    run.history.founders[TALK].discard(ADA)
    run.history.heard.pop((ADA, TALK))


def wrong_company(run: Run) -> None:
    run.replica.talks[TALK].places.pop(BEN)


def leaked_to_an_outsider(run: Run) -> None:
    run.history.note(EVE, TALK, revision=2)


def leaked_to_who_was_removed(run: Run) -> None:
    run.history.note(CLEO, TALK, revision=8)


def leaked_before_joining(run: Run) -> None:
    run.history.heard[CLEO, TALK][2] = 9.0


def leaked_receipt(run: Run) -> None:
    run.history.heard_of[EVE, TALK][3] = 1.0


def shown_after_removal(run: Run) -> None:
    run.history.read[ADA, "m3"] = 9


def untold(run: Run) -> None:
    run.stored.deliveries[TALK][3].update(state="FAILED", error="nobody knows")


def missing_revision(run: Run) -> None:
    del run.stored.deliveries[TALK][3]


def cursor_back(run: Run) -> None:
    cursor = Cursor(ADA, "event", TALK, BEN, "read")
    for seq in (1, 0):
        run.history.note_cursor(cursor, seq)


def lost_cursor(run: Run) -> None:
    run.history.note_cursor(Cursor(BEN, "own", TALK, BEN, "read"), 3)


def stale_cursor(run: Run) -> None:
    run.replica.talks[TALK].places[BEN].read = 0


def test_a_good_history_has_no_faults() -> None:
    assert Run().faults() == []


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (lost, "key-4 was acknowledged and is lost"),
        (doubled, "key-1 is there 2 times"),
        (unsent, "nobody sent message key-4 of ada: ['m4']"),
        (refused_and_there, "key-1 was refused with 403 and is there"),
        (answered_otherwise, "key-1 was answered with _id m9 and has m1"),
        (new_twice, "key-1 was answered as new more than once"),
        (misquoted, "key-1 was answered with other content: something else"),
        (gap, "with the clock 3 lacks seq [3]"),
        (repeated_seq, "has seq 1 2 times"),
        (reordered, "key-1 with seq 1 comes before key-2"),
        (lost_edit, "message m2 says 'message 2', the last edit was 'edited'"),
        (undone_removal, "message m3 was removed and is there"),
        (removed_by_nobody, "message m3 was removed by nobody"),
        (lost_reaction, "reaction ('ben', 'm1', '👍') is not there after react"),
        (miscounted, "message m1 counts 2 of 👍, 1 are there"),
        (stale_copy, "ada's copy of talk has seq 2 of revision 8 with content 'message 2' for 'edited'"),
        (stale_tally, "ada's copy of talk has seq 1 of revision 5 with reactions {}"),
        (copy_with_a_hole, "ada's copy of talk lacks seq [2]"),
        (copy_of_what_is_not_ones_own, "ada holds ['talk'] and is a member of []"),
        (wrong_company, "ada's copy of talk is wrong about who is in it: ['ben']"),
        (leaked_to_an_outsider, "eve was sent revision 2 of talk, being there never"),
        (leaked_to_who_was_removed, "cleo was sent revision 8 of talk, being there from 6 to 7"),
        (leaked_before_joining, "cleo was sent revision 2 of talk"),
        (leaked_receipt, "eve was told of seq 3 of talk"),
        (shown_after_removal, "ada was shown message m3 in revision 9, removed in 9"),
        (untold, "messages created, revision 4 of talk is FAILED: nobody knows"),
        (missing_revision, "has deliveries {4: -1}"),
        (cursor_back, "a cursor went back from 1 to 0"),
        (lost_cursor, "was 3 and is 1"),
        (stale_cursor, "ada's copy of talk has the cursors (2, 0) of ben, not (2, 1)"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_broken_is_found_and_named(broken: Callable[[Run], None], found: str) -> None:
    run = Run()
    broken(run)
    assert any(found in fault for fault in run.faults()), run.faults()
