"""Reports of messages: what who has made one reads of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

FOR_REVIEWERS: Final = frozenset({"resolvedBy", "resolutionNote", "suspendUntil"})


def as_reporter_reads(report: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name not in FOR_REVIEWERS}
