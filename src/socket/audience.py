"""Who is told of whose presence.

`may_see` states the rule. The two lookups narrow the search by the index, so that their cost follows the
answer and not the school, and let the rule decide on every candidate.
"""

from collections.abc import Hashable, Iterator
from typing import TypeVar

from .connections import ConnectionManager, Identity

C = TypeVar("C", bound=Hashable)


def may_see(viewer: Identity, subject: Identity) -> bool:
    """Whether `viewer` is told when `subject` comes and goes; only within one school, and never of oneself.

    - An admin is seen by everybody.
    - A teacher is seen by the other teachers and by the students of the classes taught.
    - A student is seen by the teachers and the students of the same classes.
    - Who is invisible is seen by nobody.
    - So an admin sees admins only: class ids mean nothing for this role.
    """
    if viewer.school_id != subject.school_id or viewer.user_id == subject.user_id:
        return False
    if subject.status.is_invisible:
        return False
    match viewer.role, subject.role:
        case _, "admin":
            return True
        case "admin", _:
            return False
        case "teacher", "teacher":
            return True
        case _:
            return not viewer.class_ids.isdisjoint(subject.class_ids)


def audience(manager: ConnectionManager[C], subject: Identity) -> set[C]:
    """Find the connections to tell of the subject's presence; the subject need not be connected."""
    return {
        connection
        for connection, viewer in _known(manager, _around(manager, subject))
        if may_see(viewer, subject)
    }


def visible_to(manager: ConnectionManager[C], viewer: Identity) -> set[str]:
    """Find the connected users, by id, whom the viewer may see; the viewer need not be connected."""
    admins = manager.with_role(viewer.school_id, "admin")
    classmates = set[C]() if viewer.role == "admin" else _around(manager, viewer)
    return {
        subject.user_id for _, subject in _known(manager, admins | classmates) if may_see(viewer, subject)
    }


def _around(manager: ConnectionManager[C], identity: Identity) -> set[C]:
    if identity.role == "admin":
        return manager.in_school(identity.school_id)
    found: set[C] = set()
    if identity.role == "teacher":
        found |= manager.with_role(identity.school_id, "teacher")
    for class_id in identity.class_ids:
        found |= manager.in_class(class_id)
    return found


def _known(manager: ConnectionManager[C], connections: set[C]) -> Iterator[tuple[C, Identity]]:
    for connection in connections:
        identity = manager.identity(connection)
        if identity is not None:
            yield connection, identity
