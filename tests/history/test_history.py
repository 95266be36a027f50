"""A short run at every test; ``python -m tests.history --minutes 5 --kills 50`` looks longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.history.run import Plan, run


@pytest.mark.parametrize(
    "plan",
    [
        Plan(seconds=8, kills=3, writers=30, seed=20),
        pytest.param(Plan(18, 6, seed=21), marks=pytest.mark.long),
    ],
    ids=["short", "long"],
)
async def test_nothing_is_lost_doubled_reordered_or_leaked_while_the_server_is_killed_again_and_again(
    plan: Plan, mongodb_url: str, tmp_path: Path
) -> None:
    report = await run(plan, mongodb_url, "test_history", tmp_path)
    assert report.faults == [], "\n".join([*report.faults[:50], *report.lines()])
    counts = report.history.counts
    assert counts["kills"] == plan.kills
    assert counts["writes in flight at kills"] >= plan.kills
    # The run has seen what it is about.
    for name in ("acknowledged", "changes", "retried", "duplicates", "reconnects", "syncs", "events"):
        assert counts[name] > 0
