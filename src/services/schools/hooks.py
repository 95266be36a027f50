from __future__ import annotations

from typing import Any

from ...core.schema import validate_data, validate_query
from ...hooks.access import allow
from .schema import SchoolData, SchoolQuery

HOOKS: dict[str, Any] = {
    "before": {
        "all": [validate_query(SchoolQuery())],
        "patch": [allow("admin"), validate_data(SchoolData(), partial=True)],
    },
}
