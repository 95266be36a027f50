"""From a query and what is written in ``q`` to what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from ...core.application import Application
from ...core.coercion import to_datetime
from ...core.schema import invalid
from .asked import Asked
from .names import Names
from .parser import Parsed, parse

MOST_GROUPS: Final = 16
ALONE_NOTHING: Final = frozenset({"q", "kind", "$limit", "$after"})
HAS: Final = ("attachment", "link", "image", "file", "video", "reaction")


async def asked_of(
    app: Application, query: Mapping[str, Any], user: dict[str, Any], conversations: list[Any]
) -> Asked:
    """``query`` is a checked one. Raises BadRequest, which for a condition within ``q`` names it."""
    parsed = parse(query.get("q") or "")
    conditions = _Conditions(app, user, conversations)
    conditions.add_query(query)
    await conditions.add_parsed(parsed)
    asked = conditions.asked(parsed)
    if len(asked.groups) > MOST_GROUPS:
        raise invalid("q", f"asks for more than {MOST_GROUPS} things at once")
    if not (parsed.words or parsed.phrases or parsed.conditions or query.keys() - ALONE_NOTHING):
        raise invalid("q", "says nothing to search for")
    return asked


class _Conditions:
    def __init__(self, app: Application, user: dict[str, Any], conversations: list[Any]) -> None:
        self._app = app
        self._user = user
        self._own = conversations
        self._names = Names(app, user, conversations)
        self._rooms: set[Any] | None = None
        self._senders: set[str] | None = None
        self._marks: list[tuple[str, ...]] = []
        self._after: list[datetime] = []
        self._before: list[datetime] = []
        self._reacted = False

    def add_query(self, query: Mapping[str, Any]) -> None:
        """An id of nobody, or of a conversation that is not one's own, finds nothing."""
        if query.get("from") is not None:
            self._senders = {f"from:{query['from']}"}
        if query.get("in") is not None:
            self._rooms = {query["in"]}
        if query.get("has") is not None:
            self._add_has(query["has"])
        if query.get("mentions") is not None:
            self._marks.append(self._mentions(query["mentions"]))
        self._after += [query["after"]] if query.get("after") is not None else []
        self._before += [query["before"]] if query.get("before") is not None else []

    async def add_parsed(self, parsed: Parsed) -> None:
        for name, value in parsed.conditions:
            match name:
                case "from":
                    people = await self._names.people(name, value)
                    self._senders = (self._senders or set()) | {f"from:{one['_id']}" for one in people}
                case "in":
                    rooms = await self._names.rooms(name, value)
                    self._rooms = (self._rooms or set()) | {room["_id"] for room in rooms}
                case "mentions":
                    people = await self._names.people(name, value)
                    self._marks.append(
                        tuple(dict.fromkeys(mark for one in people for mark in _marks_of(one)))
                    )
                case "has":
                    if value.lower() not in HAS:
                        raise invalid("q", f"has:{value} is none of {', '.join(HAS)}")
                    self._add_has(value.lower())
                case _:
                    moments = self._before if name == "before" else self._after
                    moments.append(await self._moment(name, value))

    def asked(self, parsed: Parsed) -> Asked:
        rooms = self._own if self._rooms is None else [own for own in self._own if own in self._rooms]
        senders = [] if self._senders is None else [tuple(sorted(self._senders))]
        return Asked(
            school_id=self._user["schoolId"],
            conversations=rooms,
            words=parsed.words,
            phrases=parsed.phrases,
            marks=tuple(dict.fromkeys([*senders, *self._marks])),
            after=max(self._after, default=None),
            before=min(self._before, default=None),
            reacted=self._reacted,
        )

    def _add_has(self, what: str) -> None:
        if what == "reaction":
            self._reacted = True
        else:
            self._marks.append((f"has:{what}",))

    def _mentions(self, who: Any) -> tuple[str, ...]:
        return _marks_of(self._user) if who == "me" else (f"mentions:{who}",)

    async def _moment(self, name: str, value: str) -> datetime:
        """A day begins at midnight of the school."""
        try:
            if len(value) > len("2026-11-01"):
                return to_datetime(value)
            day = date.fromisoformat(value)
            school = await self._app.service("schools").get(self._user["schoolId"])
            return datetime.combine(day, time(), ZoneInfo(school["timezone"])).astimezone(UTC)
        except (ValueError, OverflowError):
            raise invalid("q", f"{name}:{value} is neither a day nor a moment") from None


def _marks_of(user: Mapping[str, Any]) -> tuple[str, ...]:
    """Somebody is mentioned by name, as one of a role, or with everybody."""
    return tuple(f"mentions:{one}" for one in (user["_id"], user["role"], "all"))
