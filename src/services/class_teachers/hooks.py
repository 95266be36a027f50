from __future__ import annotations

from typing import Any

from ...core.schema import validate_data, validate_query
from ...hooks.access import allow
from ...hooks.class_places import PlaceData, PlaceQuery, check_place, join_conversation, leave_conversation

HOOKS: dict[str, Any] = {
    "before": {
        "all": [validate_query(PlaceQuery())],
        "create": [allow("admin"), validate_data(PlaceData()), check_place("teacher")],
        "remove": [allow("admin")],
    },
    "after": {"create": [join_conversation], "remove": [leave_conversation]},
}
