from __future__ import annotations

from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from stonechat.core.adapters.bounds import behind
from stonechat.core.ordering import EMPTY


@pytest.mark.parametrize("direction", [1, -1])
async def test_an_index_begins_at_the_place(database: AsyncDatabase[dict[str, Any]], direction: int) -> None:
    collection = database["places"]
    await collection.create_index({"room": 1, "n": 1, "_id": 1})
    await collection.insert_many([{"_id": id_, "room": 1, "n": id_ // 2} for id_ in range(1000)])
    order = {"n": direction, "_id": direction}
    command = {
        "find": "places",
        "filter": {"room": 1, **behind(order, [250, 501])},
        "sort": order,
        "limit": 20,
    }
    explained = await database.command("explain", command, verbosity="executionStats")
    stages = str(explained["queryPlanner"]["winningPlan"])
    assert "COLLSCAN" not in stages
    assert "'SORT'" not in stages
    assert explained["executionStats"]["nReturned"] == 20
    assert explained["executionStats"]["totalKeysExamined"] < 30


async def test_nothing_is_behind_the_least_place_of_a_descending_order(
    database: AsyncDatabase[dict[str, Any]],
) -> None:
    await database["places"].insert_many([{"n": 1}, {"n": None}, {"n": []}])
    assert await database["places"].find(behind({"n": -1}, [EMPTY])).to_list() == []
    assert len(await database["places"].find(behind({"n": 1}, [EMPTY])).to_list()) == 2
