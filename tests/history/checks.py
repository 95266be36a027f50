"""What must hold of a history and of what the database has in the end; each check names the offenders."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from tests.history.kept import kept
from tests.history.record import History, Sent
from tests.history.replica import Replica
from tests.history.stored import SETTLED, Stored, shown

Json = Any


def all_checks(history: History, stored: Stored, replicas: Iterable[Replica]) -> list[str]:
    held = list(replicas)
    return [
        *history.faults,
        *once(history, stored),
        *in_order(history, stored),
        *kept(history, stored),
        *copies(stored, held),
        *cursors(history, stored, held),
        *only_members(history, stored),
        *nothing_removed(history, stored),
        *told(stored),
    ]


def once(history: History, stored: Stored) -> Iterator[str]:
    """Acknowledged is stored, once, as it was acknowledged; nothing is there that nobody sent."""
    by_key: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for message in stored.every_message():
        if message["type"] != "system":
            by_key[message["senderId"], message["idempotencyKey"]].append(message)
    for sent in history.sent:
        found = by_key.pop((sent.writer, sent.key), [])
        yield from _stored_once(sent, found)
        for answer in sent.answers:
            if found:
                yield from _differences(sent.key, answer, found[0])
            if answer["revision"] == answer["createdRevision"] and answer["content"] != sent.content:
                yield f"message {sent.key} was answered with other content: {answer['content']}"
    for (writer, key), messages in by_key.items():
        yield f"nobody sent message {key} of {writer}: {[message['_id'] for message in messages]}"


def in_order(history: History, stored: Stored) -> Iterator[str]:
    """``seq`` is 1 to the clock, and each writer's messages are in the order of writing."""
    numbers = {(sent.writer, sent.key): sent.number for sent in history.sent}
    for one, conversation in stored.conversations.items():
        seqs = [message["seq"] for message in stored.messages[one]]
        for seq, count in Counter(seqs).items():
            if count > 1:
                yield f"conversation {one} has seq {seq} {count} times"
        if missing := set(range(1, conversation["clock"] + 1)) - set(seqs):
            yield f"conversation {one} with the clock {conversation['clock']} lacks seq {sorted(missing)}"
        if beyond := [seq for seq in seqs if seq > conversation["clock"]]:
            yield f"conversation {one} with the clock {conversation['clock']} has seq {beyond}"
        by_writer: dict[str, list[Json]] = defaultdict(list)
        for message in sorted(stored.messages[one], key=lambda each: int(each["seq"])):
            by_writer[message["senderId"]].append(message)
        for writer, messages in by_writer.items():
            known = [message for message in messages if (writer, message["idempotencyKey"]) in numbers]
            for before, after in pairwise(known):
                keys = before["idempotencyKey"], after["idempotencyKey"]
                if numbers[writer, keys[0]] > numbers[writer, keys[1]]:
                    yield f"in conversation {one}, {keys[0]} with seq {before['seq']} comes before {keys[1]}"


def copies(stored: Stored, replicas: Iterable[Replica]) -> Iterator[str]:
    """Every client holds what the database has of the conversations that it is a member of, and no more."""
    for replica in replicas:
        own = {one for one, members in stored.members.items() if replica.user in members}
        if replica.talks.keys() != own:
            yield f"{replica.user} holds {sorted(replica.talks)} and is a member of {sorted(own)}"
        for one in own & replica.talks.keys():
            talk, where = replica.talks[one], f"{replica.user}'s copy of {one}"
            there = {message["_id"]: message for message in stored.messages[one]}
            if lacking := there.keys() - talk.messages.keys():
                yield f"{where} lacks seq {sorted(there[name]['seq'] for name in lacking)}"
            if more := talk.messages.keys() - there.keys():
                yield f"{where} has messages that do not exist: {sorted(more)}"
            for name in there.keys() & talk.messages.keys():
                ours, theirs = talk.messages[name].shown(), shown(there[name])
                if ours != theirs:
                    yield (
                        f"{where} has seq {there[name]['seq']} of revision {there[name]['revision']} with"
                        f" {_other(ours, theirs)}"
                    )
            if talk.places.keys() != stored.members[one].keys():
                wrong = talk.places.keys() ^ stored.members[one].keys()
                yield f"{where} is wrong about who is in it: {sorted(wrong)}"


def cursors(history: History, stored: Stored, replicas: Iterable[Replica]) -> Iterator[str]:
    """Nobody's cursor is behind what that user was answered, and every client holds all of them."""
    for cursor, seq in history.cursors.items():
        member = stored.members[cursor.conversation].get(cursor.whose)
        if member is not None and member[f"{cursor.kind}Seq"] < seq:
            yield f"{cursor} was {seq} and is {member[f'{cursor.kind}Seq']}"
    for replica in replicas:
        for one, talk in replica.talks.items():
            for user, place in talk.places.items():
                member = stored.members[one].get(user)
                if member is None:
                    continue
                ours = (place.delivered, place.read)
                theirs = (member["deliveredSeq"], member["readSeq"])
                if ours != theirs:
                    yield f"{replica.user}'s copy of {one} has the cursors {ours} of {user}, not {theirs}"


def only_members(history: History, stored: Stored) -> Iterator[str]:
    """What somebody was sent is of a time at which that user was a member, or of one before."""
    stays = stored.stays(history.founders)
    created = {
        one: {message["seq"]: message["createdRevision"] for message in messages}
        for one, messages in stored.messages.items()
    }
    for at, revisions in history.heard.items():
        for revision, moment in revisions.items():
            if not _is_allowed(stays[at], history.joins[at], revision, moment):
                yield f"{at[0]} was sent revision {revision} of {at[1]}, being there {_times(stays[at])}"
    for at, seqs in history.heard_of.items():
        for seq, moment in seqs.items():
            revision = created[at[1]][seq]
            if not _is_allowed(stays[at], history.joins[at], revision, moment):
                yield f"{at[0]} was told of seq {seq} of {at[1]}, being there {_times(stays[at])}"


def nothing_removed(history: History, stored: Stored) -> Iterator[str]:
    """Nobody is shown what a message said once it is removed."""
    removed: dict[str, int] = {}
    for deliveries in stored.deliveries.values():
        for one in deliveries:
            if one["path"] == "messages" and one["event"] == "removed":
                removed.setdefault(one["recordId"], one["revision"])
    for (user, name), revision in history.read.items():
        if name in removed and revision >= removed[name]:
            yield f"{user} was shown message {name} in revision {revision}, removed in {removed[name]}"


def told(stored: Stored) -> Iterator[str]:
    """Each revision is of one change, and each change was told."""
    for one, conversation in stored.conversations.items():
        deliveries = stored.deliveries[one]
        revisions = [delivery["revision"] for delivery in deliveries]
        if revisions != list(range(1, conversation["revision"] + 1)):
            wrong = Counter(revisions)
            wrong.subtract(range(1, conversation["revision"] + 1))
            wrong = Counter({revision: count for revision, count in wrong.items() if count})
            yield f"conversation {one} of revision {conversation['revision']} has deliveries {dict(wrong)}"
        for delivery in deliveries:
            if delivery["state"] != SETTLED:
                what = f"{delivery['path']} {delivery['event']}, revision {delivery['revision']} of {one}"
                yield f"{what} is {delivery['state']}: {delivery['error']}"


def _stored_once(sent: Sent, found: list[Json]) -> Iterator[str]:
    if len(found) > 1:
        yield f"message {sent.key} is there {len(found)} times"
    if sent.answers and not found:
        yield f"message {sent.key} was acknowledged and is lost"
    if found and sent.refused is not None and not (sent.is_unsure or sent.answers):
        yield f"message {sent.key} was refused with {sent.refused} and is there"
    if sum(not answer.get("duplicate") for answer in sent.answers) > 1:
        yield f"message {sent.key} was answered as new more than once"
    if any(message["conversationId"] != sent.conversation for message in found):
        yield f"message {sent.key} is not in the conversation {sent.conversation}"


def _differences(key: str, answer: Json, message: Json) -> Iterator[str]:
    for name in ("_id", "seq", "senderId", "conversationId", "createdRevision", "createdAt", "threadId"):
        if answer[name] != message[name]:
            yield f"message {key} was answered with {name} {answer[name]} and has {message[name]}"


def _other(ours: Mapping[str, Json], theirs: Mapping[str, Json]) -> str:
    names = sorted(
        name for name in {*ours, *theirs} if ours.get(name, "nothing") != theirs.get(name, "nothing")
    )
    return "; ".join(f"{name} {ours.get(name)!r} for {theirs.get(name)!r}" for name in names)


def _is_allowed(stays: list[tuple[int, float]], joins: list[float], revision: int, moment: float) -> bool:
    """Who is let in reads what was before. ``joins``: when each stay but a founder's first was asked for."""
    asked = [0.0] * (len(stays) - len(joins)) + joins
    return any(
        revision < end and (begin <= revision or at <= moment)
        for (begin, end), at in zip(stays, asked[: len(stays)], strict=True)
    )


def _times(stays: list[tuple[int, float]]) -> str:
    return ", ".join(f"from {begin} to {end}" for begin, end in stays) or "never"
