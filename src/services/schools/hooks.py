from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.protect import protect
from ...core.schema import validate_data, validate_query
from ...hooks.access import allow
from ...hooks.audit import audited, changed_fields
from .schema import SchoolData, SchoolQuery


def changed_settings(context: HookContext, school: dict[str, Any]) -> dict[str, Any]:
    return {**changed_fields(context, school), "settings": context.data.get("settings", {})}


HOOKS: dict[str, Any] = {
    "around": {"all": [protect("adminChanges")], "patch": [audited(details=changed_settings)]},
    "before": {
        "all": [validate_query(SchoolQuery())],
        "patch": [allow("admin"), validate_data(SchoolData(), partial=True)],
    },
}
