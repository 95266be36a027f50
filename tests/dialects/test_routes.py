"""Requests of dialects: what is no object, and what comes without a token."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.school import School


@pytest.mark.parametrize("body", [[1], "text", 5, True])
async def test_a_body_that_is_no_object_is_refused(school: School, body: Any) -> None:
    ada = await school.person("ada")
    for path in ("/api/alerts", "/api/chat/send"):
        answer = await ada.request("POST", path, body)
        assert answer.code == 400, (path, answer)


async def test_without_a_token_nothing_is_answered(school: School) -> None:
    for verb, path in (("POST", "/api/chat/send"), ("GET", "/api/chat/conversations"), ("GET", "/api/teams")):
        answer = await school.nobody.request(verb, path, {} if verb == "POST" else None)
        assert answer.code == 401, (path, answer)
