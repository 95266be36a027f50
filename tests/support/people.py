"""People and schools that no other test knows."""

from __future__ import annotations

import itertools

from stonechat.core.context import Params
from tests.support.school import Json, Person, School, Socket

PASSWORD = "long-enough"
_numbers = itertools.count(1)


async def new_school(school: School) -> str:
    """An empty school; its slug."""
    slug = f"school-{next(_numbers)}"
    await school.app.service("schools").create({"name": f"The {slug}", "slug": slug})
    return slug


async def newcomer(school: School, role: str = "student", *, at: str = "demo-high") -> Person:
    """Somebody new of the school with the slug ``at``, logged in."""
    email = f"{role}-{next(_numbers)}@new.example"
    data = {"email": email, "name": email.partition("@")[0], "role": role, "password": PASSWORD}
    where = await school.one("schools", slug=at)
    await school.app.service("users").create(data, Params(tenant=where["_id"]))
    return await school.log_in(email, PASSWORD)


async def talk_of(*people: Person, **data: Json) -> str:
    """A conversation that the first of the people makes with the others; its id."""
    whole = {"kind": "group", "name": "A talk", "memberIds": [one.id for one in people[1:]], **data}
    answer = await people[0].rest("create", "conversations", data=whole)
    assert answer.code == 201, answer
    return str(answer.body["_id"])


async def write(person: Person, conversation: str, content: str = "Hello", **more: Json) -> Json:
    """The message as it was answered."""
    data = {"conversationId": conversation, "content": content, **more}
    answer = await person.rest("create", "messages", data=data)
    assert answer.code in {200, 201}, answer
    return answer.body


async def has_not_heard(socket: Socket, event: str) -> bool:
    """Whether such an event was not sent so far.

    Ask after another member has heard it: everybody is sent an event in one step, and the answer
    to this call comes after whatever was sent before.
    """
    await socket.call("find", "schools")
    return not socket.seen(event)
