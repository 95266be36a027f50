from __future__ import annotations

from typing import Any

from ...core.schema import validate_data, validate_query
from ...hooks.access import allow
from ...hooks.audit import audited, values_of
from ...hooks.class_places import CLASSES, PlaceData, PlaceQuery, check_place

PLACE = values_of("classId", "userId")

HOOKS: dict[str, Any] = {
    "around": {"create": [audited(details=PLACE)], "remove": [audited(details=PLACE)]},
    "before": {
        "all": [validate_query(PlaceQuery())],
        "create": [allow("admin"), validate_data(PlaceData()), check_place("teacher")],
        "remove": [allow("admin")],
    },
    "after": {"create": [CLASSES.follow], "remove": [CLASSES.leave]},
}
