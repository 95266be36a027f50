from typing import Any

import pytest

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import NotFound
from stonechat.core.service import Service
from stonechat.hooks.selection import selection

NOTE = {"_id": 1, "title": "A", "text": "B"}


@pytest.fixture
def notes() -> Service:
    app = Application().configure(selection)
    app.use("notes", MemoryService(store={1: NOTE}))
    return app.service("notes")


def selecting(provider: str | None) -> Params:
    return Params(provider=provider, query={"$select": ["title"], "title": "A"})


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("create", {"data": {"_id": 2, "title": "A", "text": "B"}}),
        ("update", {"id": 1, "data": {"title": "A", "text": "C"}}),
        ("patch", {"id": 1, "data": {"text": "C"}}),
        ("remove", {"id": 1}),
    ],
)
async def test_what_a_client_writes_is_answered_whole(
    notes: Service, method: str, call: dict[str, Any]
) -> None:
    context = await notes.run(HookContext(notes, method, params=selecting("rest"), **call))
    assert context.result.keys() == NOTE.keys()


async def test_conditions_of_the_query_stay(notes: Service) -> None:
    params = Params(provider="rest", query={"$select": ["title"], "title": "B"})
    context = HookContext(notes, "remove", id=1, params=params)
    with pytest.raises(NotFound, match="No record found"):
        await notes.run(context)
    assert params.query == {"title": "B"}


async def test_find_and_get_answer_with_what_is_selected(notes: Service) -> None:
    assert await notes.find(selecting("rest")) == [{"_id": 1, "title": "A"}]
    assert await notes.get(1, selecting("rest")) == {"_id": 1, "title": "A"}


async def test_own_code_may_select_what_it_needs(notes: Service) -> None:
    assert await notes.patch(1, {"text": "C"}, selecting(None)) == {"_id": 1, "title": "A"}
