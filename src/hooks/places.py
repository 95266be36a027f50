"""Places in conversations: which roles manage one, and which fields are whose to see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MANAGERS: Final = ("moderator", "admin")
LED_BY_STAFF: Final = frozenset({"announcement", "class", "department", "channel"})
"""The kinds of conversations in which nobody but staff comes to be an admin by itself."""

INTERNAL: Final = frozenset({"touchedAt", "lastSentAt"})
"""What no client reads: no event tells when it changes."""

OWN: Final = frozenset({"mutedUntil"})
"""What nobody but the member reads."""

FIXED: Final = "fixed"
"""The param of own code's write with fields that no client may name."""

PLACES_REVISION: Final = "placesRevision"
"""The param of a new message's call that says as of which revision of its conversation who was in it."""


def visible_place(place: Mapping[str, Any], *, own: bool, manages: bool) -> dict[str, Any]:
    """A member record as the member reads it, somebody who manages the conversation, or the others."""
    hidden = INTERNAL if own else INTERNAL | OWN
    if not own and not manages:
        hidden |= {"silencedUntil"}
    return {name: value for name, value in place.items() if name not in hidden}
