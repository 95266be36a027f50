"""Who may not write here and now, over REST, by a call over a socket and by ``message:send``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from stonechat.core.shapes import is_mapping
from stonechat.models.record import now
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.school import Json, Person, School

WAYS = ("rest", "call", "message:send")


class Scene(NamedTuple):
    """Somebody who must not write in ``talk`` once ``forbid`` is done."""

    person: Person
    talk: str
    forbid: Callable[[], Awaitable[None]]


class Refusal(NamedTuple):
    code: int
    because: str | None


Attempt = Callable[[Json], Awaitable[Refusal]]


@asynccontextmanager
async def writing(person: Person, way: str) -> AsyncGenerator[Attempt]:
    """Ways to write that were open before it was forbidden."""
    if way == "rest":

        async def by_rest(data: Json) -> Refusal:
            answer = await person.rest("create", "messages", data=data)
            return Refusal(answer.code, _because(answer.body))

        yield by_rest
        return
    async with person.socket() as socket:

        async def by_socket(data: Json) -> Refusal:
            if way == "call":
                answer = await socket.call("create", "messages", data=data)
                return Refusal(answer.code, _because(answer.body))
            said = await socket.say("message:send", data)
            error = said.get("error")
            return Refusal(error["code"], _because(error)) if error else Refusal(200, None)

        yield by_socket


def _because(body: Json) -> str | None:
    data = body.get("data") if is_mapping(body) else None
    return data.get("code") if is_mapping(data) else None


async def group(school: School, **data: Json) -> tuple[Person, Person, str]:
    """A teacher who manages a conversation, a student in it, and its id."""
    teacher, student = await newcomer(school, "teacher"), await newcomer(school)
    return teacher, student, await talk_of(teacher, student, **data)


async def place_of(school: School, person: Person, talk: str) -> str:
    return str((await school.one("members", conversationId=talk, userId=person.id))["_id"])


async def must(answer: Awaitable[Any]) -> None:
    done = await answer
    assert done.code in {200, 201}, done


async def a_member_who_was_removed(school: School) -> Scene:
    teacher, student, talk = await group(school)
    place = await place_of(school, student, talk)
    return Scene(student, talk, lambda: must(teacher.rest("remove", "members", id=place)))


async def a_member_who_has_left(school: School) -> Scene:
    _, student, talk = await group(school)
    place = await place_of(school, student, talk)
    return Scene(student, talk, lambda: must(student.rest("remove", "members", id=place)))


async def a_stranger(school: School) -> Scene:
    _, _, talk = await group(school)

    async def nothing() -> None:
        return None

    return Scene(await newcomer(school), talk, nothing)


async def somebody_silenced(school: School) -> Scene:
    teacher, student, talk = await group(school)
    place = await place_of(school, student, talk)
    data = {"silencedUntil": now() + timedelta(hours=1)}
    return Scene(student, talk, lambda: must(teacher.rest("patch", "members", id=place, data=data)))


async def somebody_too_fast(school: School) -> Scene:
    teacher, student, talk = await group(school)

    async def slow_down() -> None:
        await must(teacher.rest("patch", "conversations", id=talk, data={"slowModeSeconds": 3600}))
        await write(student, talk, "The one message of this hour")

    return Scene(student, talk, slow_down)


async def a_student_in_announcements(school: School) -> Scene:
    _, student, talk = await group(school, kind="announcement")

    async def nothing() -> None:
        return None

    return Scene(student, talk, nothing)


async def somebody_blocked(school: School) -> Scene:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben, kind="direct")
    return Scene(ben, talk, lambda: must(ada.rest("create", "blocks", data={"blockedId": ben.id})))


async def somebody_who_blocks(school: School) -> Scene:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben, kind="direct")
    return Scene(ada, talk, lambda: must(ada.rest("create", "blocks", data={"blockedId": ben.id})))


async def somebody_suspended(school: School) -> Scene:
    _, student, talk = await group(school)
    admin = await school.person("admin")
    data = {"suspendedUntil": now() + timedelta(days=1)}
    return Scene(student, talk, lambda: must(admin.rest("patch", "users", id=student.id, data=data)))


async def anybody_in_an_archive(school: School) -> Scene:
    teacher, student, talk = await group(school)
    data = {"archived": True}
    return Scene(student, talk, lambda: must(teacher.rest("patch", "conversations", id=talk, data=data)))


RULES: tuple[tuple[Callable[[School], Awaitable[Scene]], Refusal], ...] = (
    (a_stranger, Refusal(403, "PERMISSION_DENIED")),
    (a_member_who_was_removed, Refusal(403, "PERMISSION_DENIED")),
    (a_member_who_has_left, Refusal(403, "PERMISSION_DENIED")),
    (somebody_silenced, Refusal(403, "SILENCED")),
    (somebody_too_fast, Refusal(429, "SLOW_MODE")),
    (a_student_in_announcements, Refusal(403, "ANNOUNCEMENT")),
    (somebody_blocked, Refusal(403, "BLOCKED")),
    (somebody_who_blocks, Refusal(403, "BLOCKED")),
    (somebody_suspended, Refusal(403, "SUSPENDED")),
    (anybody_in_an_archive, Refusal(403, "ARCHIVED")),
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("make", "refusal"), RULES, ids=[make.__name__ for make, _ in RULES])
async def test_who_may_not_write_is_refused(
    school: School, make: Callable[[School], Awaitable[Scene]], refusal: Refusal, way: str
) -> None:
    """The attempt is made over what was connected when it was still allowed."""
    scene = await make(school)
    async with writing(scene.person, way) as attempt:
        await scene.forbid()
        before = (await school.one("conversations", _id=scene.talk))["clock"]
        message: Json = {"conversationId": scene.talk, "content": "Let me"}
        assert await attempt(message) == refusal
        # What refers to somebody is judged before that is looked up.
        assert await attempt({**message, "mentions": [scene.person.id]}) == refusal
    assert (await school.one("conversations", _id=scene.talk))["clock"] == before


@pytest.mark.parametrize("way", WAYS)
async def test_a_repeat_of_what_is_stored_is_not_too_fast(school: School, way: str) -> None:
    _, student, talk = await group(school, slowModeSeconds=3600)
    await write(student, talk, "Once", idempotencyKey="once")
    async with writing(student, way) as attempt:
        repeat = {"conversationId": talk, "content": "Once", "idempotencyKey": "once"}
        assert await attempt(repeat) == Refusal(200, None)


REPEATS: tuple[tuple[Callable[[School], Awaitable[Scene]], Refusal], ...] = (
    (a_member_who_was_removed, Refusal(403, "PERMISSION_DENIED")),
    (somebody_suspended, Refusal(403, "SUSPENDED")),
    *((make, Refusal(200, None)) for make in (somebody_silenced, somebody_who_blocks, anybody_in_an_archive)),
)


@pytest.mark.parametrize(("make", "refusal"), REPEATS, ids=[make.__name__ for make, _ in REPEATS])
async def test_a_member_s_repeat_was_allowed_when_it_came_first(
    school: School, make: Callable[[School], Awaitable[Scene]], refusal: Refusal
) -> None:
    scene = await make(school)
    repeat: Json = {"conversationId": scene.talk, "content": "Once", "idempotencyKey": f"once {scene.talk}"}
    async with writing(scene.person, "message:send") as attempt:
        assert await attempt(repeat) == Refusal(200, None)
        await scene.forbid()
        assert await attempt(repeat) == refusal


async def test_managers_are_never_too_fast(school: School) -> None:
    teacher, _, talk = await group(school, slowModeSeconds=3600)
    for _ in range(2):
        await write(teacher, talk)


async def test_of_two_at_once_one_is_too_fast(school: School) -> None:
    """The database decides, not the order of checks."""
    _, student, talk = await group(school, slowModeSeconds=3600)
    data = {"conversationId": talk, "content": "Me first"}
    answers = await asyncio.gather(*(student.rest("create", "messages", data=data) for _ in range(4)))
    assert sorted(answer.code for answer in answers) == [201, 429, 429, 429]
    refused = next(answer for answer in answers if answer.code == 429)
    assert 0 < refused.body["data"]["retryAfter"] <= 3600


@pytest.mark.parametrize("transport", ["rest", "socket"])
@pytest.mark.parametrize("method", ["patch", "remove"])
async def test_the_edit_window_of_the_school_ends(school: School, method: str, transport: str) -> None:
    slug = await new_school(school)
    teacher, student = await newcomer(school, "teacher", at=slug), await newcomer(school, at=slug)
    message = await write(student, await talk_of(teacher, student))
    await school.app.service("schools").patch(
        student.user["schoolId"], {"settings": {"editWindowMinutes": 0}}
    )
    data: Json = {"data": {"content": "Too late"}} if method == "patch" else {}
    if transport == "rest":
        answer = await student.rest(method, "messages", id=message["_id"], **data)
    else:
        async with student.socket() as socket:
            answer = await socket.call(method, "messages", id=message["_id"], **data)
    assert (answer.code, _because(answer.body)) == (403, "EDIT_WINDOW_EXPIRED")
    assert (await teacher.rest("remove", "messages", id=message["_id"])).code == 200
