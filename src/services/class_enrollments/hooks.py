from __future__ import annotations

from typing import Any

from ...core.schema import validate_data, validate_query
from ...hooks.access import allow
from ...hooks.audit import audited, values_of
from ...hooks.class_places import CLASSES, PlaceData, PlaceQuery, check_place
from ...hooks.ownership import own_only
from ...models.user import STAFF

students_see_their_own = own_only("userId", but=STAFF)
PLACE = values_of("classId", "userId")

HOOKS: dict[str, Any] = {
    "around": {"create": [audited(details=PLACE)], "remove": [audited(details=PLACE)]},
    "before": {
        "all": [validate_query(PlaceQuery())],
        "find": [students_see_their_own],
        "get": [students_see_their_own],
        "create": [allow("admin"), validate_data(PlaceData()), check_place("student")],
        "remove": [allow("admin")],
    },
    "after": {"create": [CLASSES.follow], "remove": [CLASSES.leave]},
}
