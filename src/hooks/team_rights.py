"""What the roles of a team may do in it: the table ``teams.rights`` of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..core.application import Application
from ..core.context import HookContext
from ..core.errors import Forbidden
from ..models.member import MemberRole
from ..models.team_member import Right
from .places import MANAGERS
from .records import first

KEEPING: Final[frozenset[Right]] = frozenset({"manage_team", "manage_channels", "read_audit"})
"""What the school's admins may do in every team."""


def rights_of(app: Application, role: str) -> frozenset[Right]:
    """Those of a role in its team."""
    return frozenset(app.settings["teams"]["rights"][role])


def role_in_channel(app: Application, role: str) -> MemberRole:
    """What somebody with a role in the team is in its channels."""
    rights = rights_of(app, role)
    if "manage_channels" in rights:
        return "admin"
    return "moderator" if "moderate" in rights else "member"


def require_right(context: HookContext, role: str | None, right: Right) -> None:
    """Raises Forbidden for a role of a team without the right, and for who is not in the team."""
    if role is None or right not in rights_of(context.app, role):
        raise Forbidden(
            "Your role in the team does not allow this", {"code": "PERMISSION_DENIED", "right": right}
        )


async def team_role(context: HookContext, team_id: Any) -> str | None:
    """What the caller is in the team. None for who is not in it."""
    query = {"teamId": team_id, "userId": (context.params.user or {}).get("_id")}
    place = await first(context, "team-members", query)
    return None if place is None else place["role"]


async def require_right_in_team(context: HookContext, team_id: Any, right: Right) -> frozenset[Right]:
    """The caller's rights in the team, of which ``right`` is one. Raises Forbidden.

    The admins of the school keep its teams as they keep its classes: they need not be in one to manage it.
    """
    user = context.params.user or {}
    keeps = user.get("role") == "admin" and right in KEEPING
    if keeps and await first(context, "teams", {"_id": team_id}) is not None:
        return rights_of(context.app, "admin")
    role = await team_role(context, team_id)
    require_right(context, role, right)
    return rights_of(context.app, str(role))


def keeps_order(context: HookContext, place: Mapping[str, Any]) -> bool:
    """Whether a member may remove what others have written, and see what was reported."""
    if place.get("teamRole") is None:
        return place["role"] in MANAGERS
    return "moderate" in rights_of(context.app, place["teamRole"])
