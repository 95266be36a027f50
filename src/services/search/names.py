"""Whom and what the names in a search mean: people and conversations that the caller may see."""

from __future__ import annotations

from typing import Any, Final

from bson import ObjectId

from ...core.application import Application
from ...core.context import Params
from ...core.errors import BadRequest
from ...core.schema import invalid
from ...models.words import pairs_in

MOST_NAMED: Final = 10
LOOKED_AT: Final = 200
"""Of so many with parts of a name, the ones with the whole name are picked."""

# Names are compared without case and accents.
COLLATION: Final = {"locale": "en", "strength": 1}

Record = dict[str, Any]


class Names:
    """``user`` is the caller, ``conversations`` are the caller's own."""

    def __init__(self, app: Application, user: Record, conversations: list[Any]) -> None:
        self._app = app
        self._user = user
        self._conversations = conversations

    async def people(self, condition: str, value: str) -> list[Record]:
        """By id, e-mail, the part of it before the @, or words of the name. Raises BadRequest."""
        name = value.removeprefix("@")
        if name.lower() == "me":
            return [self._user]
        if ObjectId.is_valid(name):
            found = await self._find("users", {"_id": ObjectId(name)})
            return self._chosen(condition, value, name, found)
        mail = {"$eq": ["$email", {"$literal": name}]}
        local = {"$eq": [{"$first": {"$split": ["$email", "@"]}}, {"$literal": name}]}
        conditions = {"$expr": {"$or": [mail, local, _has_words(name)]}}
        return self._chosen(condition, value, name, await self._find("users", conditions))

    async def rooms(self, condition: str, value: str) -> list[Record]:
        """Of the own conversations those with this id, or these words in their names. Raises BadRequest."""
        name = value.removeprefix("#")
        if ObjectId.is_valid(name):
            found = [{"_id": own} for own in self._conversations if own == ObjectId(name)]
        else:
            conditions = {"_id": {"$in": self._conversations}, "$expr": _has_words(name)}
            found = await self._find("conversations", conditions)
        return self._chosen(condition, value, name, found)

    async def _find(self, path: str, conditions: Record) -> list[Record]:
        params = Params(
            query={"$select": ["name", "role"], "$limit": LOOKED_AT},
            tenant=self._user["schoolId"],
            pipeline=[{"$match": conditions}, {"$feathers": {}}],
            mongodb={"collation": COLLATION},
            paginate=False,
        )
        found: list[Record] = await self._app.service(path).find(params)
        return found

    def _chosen(self, condition: str, value: str, name: str, found: list[Record]) -> list[Record]:
        """Those with the whole name, where there are any. Raises BadRequest for none and for too many."""
        if not found:
            raise _refused(
                condition, value, "is nobody" if condition != "in" else "is no conversation of yours"
            )
        whole = [one for one in found if _plain(one.get("name") or "") == _plain(name)]
        chosen = whole or found
        if len(chosen) > MOST_NAMED:
            raise _refused(condition, value, f"is the name of more than {MOST_NAMED}")
        return chosen


def _refused(condition: str, value: str, reason: str) -> BadRequest:
    return invalid("q", f"{condition}:{value} {reason}")


def _has_words(name: str) -> Record:
    """A text of a client's is a literal here, never a field or an operator."""
    return {
        "$and": [
            {"$eq": [{"$type": "$name"}, "string"]},
            {"$setIsSubset": [{"$literal": name.split() or [""]}, {"$split": [{"$toString": "$name"}, " "]}]},
        ]
    }


def _plain(name: str) -> list[str]:
    return [normal for normal, _ in pairs_in(name)]
