"""What a process uses, as Linux tells it; elsewhere nothing is known."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    rss_kib: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Processes:
    """The ids of what was started for the measurement."""

    server: int
    database: int | None


def usage(pid: int | None) -> Usage | None:
    """None too for a process that has ended."""
    if pid is None or sys.platform != "linux":
        return None
    folder = Path("/proc", str(pid))
    try:
        # The name, in parentheses, may have spaces in it.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        pages = int((folder / "statm").read_text().split()[1])
    except OSError:
        return None
    ticks = int(fields[11]) + int(fields[12])
    return Usage(pages * os.sysconf("SC_PAGE_SIZE") // 1024, ticks / os.sysconf("SC_CLK_TCK"))


def allow_open_files(wanted: int) -> int | None:
    """Raise the soft limit as far as needed; the hard limit, where that is too low."""
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - Windows has none

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return None
