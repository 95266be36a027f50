from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar

from .index import MultiIndex
from .status import PLAIN, Status

Role: TypeAlias = Literal["student", "teacher", "admin"]
C = TypeVar("C", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a connection belongs to, as far as routing and presence ask."""

    user_id: str
    school_id: str
    role: Role
    class_ids: frozenset[str] = frozenset()
    status: Status = PLAIN

    def altered(
        self, role: Role | None, class_ids: Iterable[str] | None, status: Status | None = None
    ) -> "Identity":
        """Return the identity with what is given instead; None leaves a field as it is."""
        return replace(
            self,
            role=self.role if role is None else role,
            class_ids=self.class_ids if class_ids is None else frozenset(class_ids),
            status=self.status if status is None else status,
        )


class Removal(NamedTuple):
    identity: Identity
    last: bool
    """Whether the user has no connection left."""


class ConnectionManager(Generic[C]):
    """The connections of this process by user, school, role and class; it knows nothing of other nodes.

    A user has one identity at a time: the newest one given holds for all of the user's connections.
    Lookups answer with copies, so they may be kept across an `await`.
    """

    def __init__(self) -> None:
        # _index[key] = {connection, …}, the key one of
        # "user" userId, "school" schoolId, "role" schoolId role, "class" classId
        self._index: MultiIndex[tuple[str, ...], C] = MultiIndex()
        self._identities: dict[C, Identity] = {}

    def add(self, connection: C, identity: Identity) -> bool:
        """Return whether it is the user's first connection. One that was another user's changes hands."""
        others = self.of_user(identity.user_id)
        for each in {*others, connection}:
            self._bind(each, identity)
        return not others

    def remove(self, connection: C) -> Removal | None:
        """Return whose it was, or None where the connection is not known."""
        identity = self._identities.pop(connection, None)
        if identity is None:
            return None
        self._index.discard(connection)
        return Removal(identity, last=not self.of_user(identity.user_id))

    def update(
        self, user_id: str, *, role: Role | None = None, class_ids: Iterable[str] | None = None
    ) -> Identity | None:
        """Reindex all connections of a user; the new identity, or None where the user has no connection."""
        old = self.identity_of_user(user_id)
        if old is None:
            return None
        new = old.altered(role, class_ids)
        for connection in self.of_user(user_id):
            self._bind(connection, new)
        return new

    def of_user(self, user_id: str) -> set[C]:
        return self._index.get(("user", user_id))

    def of_users(self, user_ids: Iterable[str]) -> set[C]:
        return {connection for user_id in user_ids for connection in self.of_user(user_id)}

    def in_school(self, school_id: str) -> set[C]:
        return self._index.get(("school", school_id))

    def with_role(self, school_id: str, role: Role) -> set[C]:
        return self._index.get(("role", school_id, role))

    def in_class(self, class_id: str) -> set[C]:
        """Find everybody with this class id, of whatever role and school."""
        return self._index.get(("class", class_id))

    def identity(self, connection: C) -> Identity | None:
        return self._identities.get(connection)

    def identity_of_user(self, user_id: str) -> Identity | None:
        return next((self._identities[connection] for connection in self.of_user(user_id)), None)

    def __len__(self) -> int:
        return len(self._identities)

    def _bind(self, connection: C, identity: Identity) -> None:
        if self._identities.get(connection) != identity:
            self._identities[connection] = identity
            self._index.put(connection, _keys(identity))


def _keys(identity: Identity) -> Iterator[tuple[str, ...]]:
    yield "user", identity.user_id
    yield "school", identity.school_id
    yield "role", identity.school_id, identity.role
    for class_id in identity.class_ids:
        yield "class", class_id
