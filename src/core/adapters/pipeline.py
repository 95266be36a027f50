"""Stages of MongoDB's aggregation for a query, alone or among those of own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..query import Query

Stage = Mapping[str, Any]


def query_stages(query: Query, limit: int, projection: Mapping[str, int] | None) -> list[Stage]:
    stages: list[Stage] = [{"$match": query.conditions}]
    if query.sort:
        stages.append({"$sort": dict(query.sort)})
    stages += [{"$skip": query.skip}, {"$limit": limit}]
    if projection is not None:
        stages.append({"$project": projection})
    return stages


def with_stages(pipeline: Sequence[Stage], stages: Sequence[Stage]) -> list[Stage]:
    """The pipeline with ``stages`` in the place of ``{"$feathers": {}}``, or else in front."""
    place = next((index for index, stage in enumerate(pipeline) if "$feathers" in stage), None)
    if place is None:
        return [*stages, *pipeline]
    return [*pipeline[:place], *stages, *pipeline[place + 1 :]]
