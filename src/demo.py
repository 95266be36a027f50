"""Demo data: two schools, with people who teach, learn and talk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, NamedTuple

from .core.application import Application
from .core.context import Params
from .demo_team import seed_team
from .hooks.access import PLACES

PASSWORD: Final = "stonechat-demo"  # noqa: S105 - printed at every start, refused in production


class Person(NamedTuple):
    email: str
    name: str
    role: str
    classes: tuple[str, ...] = ()


class Demo(NamedTuple):
    name: str
    slug: str
    classes: tuple[str, ...]
    people: tuple[Person, ...]


SCHOOLS: Final = (
    Demo(
        "Demo High",
        "demo-high",
        ("Maths", "Physics", "History"),
        (
            Person("admin@demo.school", "Alex Admin", "admin"),
            Person("rivera@demo.school", "Ms Rivera", "teacher", ("Maths", "Physics")),
            Person("okafor@demo.school", "Mr Okafor", "teacher", ("History",)),
            Person("ada@demo.school", "Ada", "student", ("Maths",)),
            Person("ben@demo.school", "Ben", "student", ("Maths",)),
            Person("cleo@demo.school", "Cleo", "student", ("History",)),
            Person("finn@demo.school", "Finn", "student", ("Physics", "History")),
        ),
    ),
    Demo(
        "Other School",
        "other-school",
        ("Biology",),
        (
            Person("dan@other.school", "Dan", "student", ("Biology",)),
            Person("ito@other.school", "Ms Ito", "teacher", ("Biology",)),
        ),
    ),
)

STAFF_TALK: Final = (
    ("admin@demo.school", "The timetable for next week is on the board."),
    ("okafor@demo.school", "Thanks. Could we swap Tuesday's first lesson?"),
    ("rivera@demo.school", "Fine by me, I have a free hour then."),
)
DIRECT_TALK: Final = (
    (
        ("ada@demo.school", "Did you get number four?"),
        ("ben@demo.school", "Almost. You have to factor it first."),
        ("ada@demo.school", "Oh! Of course. Thank you."),
    ),
    (
        ("finn@demo.school", "May I hand in the lab report on Monday?"),
        ("rivera@demo.school", "Monday morning, before the lesson."),
    ),
    (
        ("dan@other.school", "Is the field trip still on?"),
        ("ito@other.school", "Yes, bring boots."),
    ),
)
CLASS_TALK: Final = {
    "Maths": (
        ("rivera@demo.school", "Welcome to Maths. Exercises 1 to 6 for Thursday, please."),
        ("ben@demo.school", "Are we allowed to use a calculator?"),
        ("rivera@demo.school", "For the last two only."),
    ),
    "History": (("okafor@demo.school", "Please read chapter three before our next lesson."),),
}


def logins() -> Iterable[tuple[str, str, str]]:
    """``(school, e-mail, role)`` of everybody in the demo data; the password is one for all."""
    return ((school.name, person.email, person.role) for school in SCHOOLS for person in school.people)


def seeded(app: Application) -> None:
    """Seed at the end of every set-up."""

    async def setup(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
        await proceed()
        await seed_everything(app)

    app.hooks({"around": {"setup": [setup]}})


async def seed_everything(app: Application) -> int:
    """As ``seed``, with the team of Demo High."""
    return await seed(app) + await seed_team(app, PASSWORD)


async def seed(app: Application) -> int:
    """Make what is missing, and leave what is there. Returns how many records were made."""
    made = 0
    for demo in SCHOOLS:
        made += await _Seeder(app, demo).run()
    return made


class _Seeder:
    def __init__(self, app: Application, demo: Demo) -> None:
        self.app = app
        self.demo = demo
        self.made = 0
        self.school: dict[str, Any] = {}
        self.people: dict[str, dict[str, Any]] = {}

    async def run(self) -> int:
        self.school = await self._one("schools", {"slug": self.demo.slug}, {"name": self.demo.name})
        for person in self.demo.people:
            more = {"name": person.name, "role": person.role, "password": PASSWORD}
            self.people[person.email] = await self._one("users", {"email": person.email}, more)
        for name in self.demo.classes:
            await self._class(name)
        if self.demo.slug == SCHOOLS[0].slug:
            staff = [person.email for person in self.demo.people if person.role != "student"]
            await self._talk({"kind": "group", "name": "Staff room"}, staff, STAFF_TALK)
        for talk in DIRECT_TALK:
            emails = list(dict.fromkeys(email for email, _ in talk))
            if emails[0] in self.people:
                await self._talk({"kind": "direct"}, emails, talk)
        return self.made

    async def _class(self, name: str) -> None:
        lesson = await self._one("classes", {"name": name}, {})
        there = [person for person in self.demo.people if name in person.classes]
        for person in there:
            place = {"classId": lesson["_id"], "userId": self.people[person.email]["_id"]}
            await self._one(PLACES[person.role], place, {})
        emails = [person.email for person in sorted(there, key=lambda person: person.role != "teacher")]
        data = {"kind": "class", "name": name, "classId": lesson["_id"]}
        await self._talk(data, emails, CLASS_TALK.get(name, ()))

    async def _talk(self, data: dict[str, Any], emails: list[str], talk: Iterable[tuple[str, str]]) -> None:
        """A conversation of these people, the first of whom starts it; said once, whatever was said since."""
        ids = [self.people[email]["_id"] for email in emails]
        if data["kind"] == "direct":
            first, second = sorted(map(str, ids))
            key: dict[str, Any] = {"directKey": f"{first}:{second}"}
        else:
            key = {"kind": data["kind"], "name": data["name"]}
        found = await self._find("conversations", key)
        if found:
            return
        conversation = await self.app.service("conversations").create(
            {**data, "memberIds": ids[1:]}, self._as(emails[0])
        )
        self.made += 1
        for email, content in talk:
            here = {"conversationId": conversation["_id"]}
            message = await self.app.service("messages").create({**here, "content": content}, self._as(email))
            # Who answers has read what was said before.
            await self.app.service("members").call(
                "acknowledge", {**here, "readSeq": message["seq"]}, self._as(email)
            )
            self.made += 1

    async def _one(self, path: str, key: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
        found = await self._find(path, key)
        if found:
            return found[0]
        self.made += 1
        created: dict[str, Any] = await self.app.service(path).create({**key, **more}, self._own())
        return created

    async def _find(self, path: str, key: dict[str, Any]) -> list[dict[str, Any]]:
        params = self._own(query={**key, "$limit": 1}, paginate=False)
        found: list[dict[str, Any]] = await self.app.service(path).find(params)
        return found

    def _own(self, **more: Any) -> Params:
        return Params(**more) if not self.school else Params(tenant=self.school["_id"], **more)

    def _as(self, email: str) -> Params:
        return self._own(user=self.people[email])
