"""The school of the token bounds every call.

Each service says at registration whether its records belong to a school (``tenant=True`` or
``tenant=False``); one that says neither is refused. The hook puts the caller's school into
``params["tenant"]``, and the adapter puts that into every query and every record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.adapters.base import AdapterBase
from ..core.application import Application
from ..core.context import HookContext
from ..core.errors import Forbidden
from ..core.service import Service
from ..core.shapes import is_mapping


def tenancy(app: Application) -> None:
    app.mixins.append(_require_decision)
    app.hooks({"before": {"all": [bound_by_school]}})


def bound_by_school(context: HookContext) -> None:
    """Raises Forbidden for a client whose user belongs to no school."""
    if not context.params.provider or not context.service.options["tenant"]:
        return
    school = (context.params.user or {}).get("schoolId")
    if school is None:
        raise Forbidden("The user belongs to no school")
    context.params["tenant"] = school


def _require_decision(service: Service, path: str, options: Mapping[str, Any]) -> None:
    if not isinstance(options.get("tenant"), bool):
        raise ValueError(
            f"service '{path}' does not say whether it is bound to a school: tenant=True or False"
        )
    adapter = service.wrapped
    if options["tenant"] and isinstance(adapter, AdapterBase) and adapter.options.tenant is None:
        raise ValueError(f"service '{path}' is bound to a school, but its adapter has no option 'tenant'")


def school_of(path: str, record: object) -> str:
    """The id of the school that a record of the service ``path`` belongs to; empty where it tells none."""
    if not is_mapping(record):
        return ""
    return str(record.get("_id" if path == "schools" else "schoolId") or "")
