"""What a client of the benchmark asks for in the query of its handshake."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True)
class Asked:
    """``?room=C``: the messages of a conversation. ``?user=U&total=N&contacts=K``: the presence of K others.

    The contacts of U are the users U ± 33, U ± 66 and so on, modulo N: so U is one of theirs, too.
    """

    rooms: tuple[str, ...]
    user: int | None
    contacts: tuple[int, ...]

    @classmethod
    def of(cls, query: str) -> Asked:
        fields = parse_qs(query)
        rooms = tuple(fields.get("room", ()))
        if "user" not in fields:
            return cls(rooms, None, ())
        user, total, count = (int(fields[name][0]) for name in ("user", "total", "contacts"))
        steps = [33 * (number + 1) for number in range(count // 2)]
        return cls(rooms, user, tuple((user + sign * step) % total for step in steps for sign in (1, -1)))
