"""A short run at every test; ``python -m tests.history --minutes 5 --kills 50`` looks longer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.history.run import Plan, run

KILLS: Final = 6


async def test_nothing_is_lost_doubled_reordered_or_leaked_while_the_server_is_killed_again_and_again(
    mongodb_url: str, tmp_path: Path
) -> None:
    report = await run(Plan(seconds=18, kills=KILLS, seed=20), mongodb_url, "test_history", tmp_path)
    assert report.faults == [], "\n".join([*report.faults[:50], *report.lines()])
    counts = report.history.counts
    assert counts["kills"] == KILLS
    assert counts["writes in flight at kills"] >= KILLS
    # The run has seen what it is about.
    for name in ("acknowledged", "changes", "retried", "duplicates", "reconnects", "syncs", "events"):
        assert counts[name] > 0
