from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from stonechat.commands.jobs import show
from stonechat.models import OwedTask
from stonechat.models.record import now
from stonechat.models.tasks import Tasks
from tests.support.school import School

KIND = "tests of the command"


@pytest.fixture
async def failed(school: School) -> AsyncIterator[None]:
    """Two tasks that were given up, of a kind that nobody does."""
    ledger = Tasks()
    for key in "ab":
        await ledger.add(KIND, {}, key=key, school_id=None, due=now(), params=None)
        held = await ledger.take([KIND], timedelta(minutes=1))
        assert held is not None
        assert await ledger.fail(held, "the server is closed")
    yield
    await OwedTask.documents().delete_many({"kind": KIND})


@pytest.mark.usefixtures("failed")
async def test_what_has_failed_is_listed_and_tried_again(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    await show(school.app, KIND)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{KIND}: 2 FAILED, the oldest since 20")
    assert line.endswith(", the server is closed")
    await show(school.app, KIND, retry=True)
    said, line = capsys.readouterr().out.splitlines()
    assert said == "2 tasks are tried again"
    assert line.startswith(f"{KIND}: 2 WAITING, ")


async def test_where_nothing_is_owed_it_says_so(school: School, capsys: pytest.CaptureFixture[str]) -> None:
    await show(school.app, "no such kind")
    assert capsys.readouterr().out == "nothing is owed\n"
