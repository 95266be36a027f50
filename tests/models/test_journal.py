"""What a write in the journal leaves to be done after the commit is done then, once, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.errors import OperationFailure

from stonechat.core.context import Params
from stonechat.models import Conversation
from stonechat.models.journal import Journal, Writing
from tests.support.school import School


def journal_of(school: School) -> Journal:
    journal: Journal = school.app.get("journal")
    return journal


async def test_what_waits_for_the_commit_is_called_after_it_and_after_the_last_attempt_only(
    school: School,
) -> None:
    called: list[int] = []
    attempts: list[int] = []

    async def work(writing: Writing) -> None:
        attempts.append(len(attempts))
        writing.params["after_commit"](lambda number=attempts[-1]: called.append(number))
        if len(attempts) == 1:
            raise OperationFailure("clash", 112, {"errorLabels": ["TransientTransactionError"]})
        assert called == []

    await journal_of(school).write(work, None)
    assert (attempts, called) == ([0, 1], [1])


async def test_what_fails_calls_nothing(school: School) -> None:
    called: list[str] = []

    async def work(writing: Writing) -> None:
        writing.params["after_commit"](lambda: called.append("called"))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await journal_of(school).write(work, None)
    assert called == []


async def test_a_write_that_joins_a_transaction_leaves_it_to_that_one(school: School) -> None:
    waiting: list[Any] = []

    async def work(writing: Writing) -> None:
        writing.params["after_commit"](None)

    async with Conversation.session() as session, await session.start_transaction():
        await journal_of(school).write(work, Params(session=session, after_commit=waiting.append))
    assert waiting[0] is None
