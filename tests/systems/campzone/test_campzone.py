from __future__ import annotations

from tests.support.school import School
from tests.support.systems import play


async def test_a_client_of_campzone_finds_all_that_its_document_says(school: School, node: str) -> None:
    assert await play(node, "campzone/client.mjs", school)
