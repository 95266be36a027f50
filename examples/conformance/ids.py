"""The two names that suites know a record's id by."""

from __future__ import annotations

from typing import Any

from stonechat import HookContext
from stonechat.core.pagination import records_of, with_records
from stonechat.core.shapes import is_mapping


def with_both_ids(context: HookContext) -> None:
    """After a method: records of this framework have their id in ``_id``, those of Feathers in ``id``."""
    result = context.result
    context.result = with_records(result, [_with_id(record) for record in records_of(result)])


def _with_id(record: Any) -> Any:
    return {**record, "id": record["_id"]} if is_mapping(record) and "_id" in record else record
