"""What a caller was allowed when the call came, and may not be any more when its turn comes."""

from __future__ import annotations

from ..core.context import HookContext
from ..core.errors import Forbidden, NotAuthenticated
from ..models import User


async def still_in_role(context: HookContext) -> None:
    """Behind ``allow``, in a transaction: the caller's role is what it was before the turn came.

    Raises NotAuthenticated, Forbidden.
    """
    user = context.params.user
    if not context.params.provider or user is None:
        return
    own = {"_id": user["_id"], "erasingAt": None}
    session = context.params.get("session")
    stored = await User.documents().find_one(own, {"role": 1}, session=session)
    if stored is None:
        raise NotAuthenticated("Not authenticated")
    if stored["role"] != user["role"]:
        raise Forbidden("Your role has changed meanwhile")
