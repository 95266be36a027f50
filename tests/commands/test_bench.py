"""A whole measurement, as a person runs it: with a server that is made for it and gone afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.long

MISSED = 1
COMMAND = (sys.executable, "-m", "stonechat", "bench")


async def test_a_measurement_with_people_who_come_and_go_tells_of_a_missed_bound(tmp_path: Path) -> None:
    report, samples, graph = tmp_path / "report.json", tmp_path / "samples.csv", tmp_path / "rss.svg"
    made = tmp_path / "made"
    made.mkdir()
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "--clients", "30", "--conversations", "6", "--rate", "10", "--for", "3s"),
        *("--churn", "240", "--p99", "0.001"),
        *("--json", str(report), "--samples", str(samples), "--graph", str(graph)),
        env={**os.environ, "TMPDIR": str(made)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(120):
        out, err = await process.communicate()

    assert process.returncode == MISSED, err.decode()
    told: dict[str, Any] = json.loads(report.read_text())
    (failure,) = told["failures"]
    assert f"FAILED: {failure}" in out.decode()
    assert failure.endswith("more than 0.001 ms")
    assert told["duplicates"] == told["gaps"] == told["connect_failures"] == 0
    assert told["errors"] == {}
    assert told["acknowledged"] + told["abandoned"] >= told["sent"] == 30
    assert told["reconnects"] > 0
    assert told["left_and_added"] > 0
    assert told["server"]["rss_kib"]["most"] > 0
    header, *rows = samples.read_text().splitlines()
    assert header.startswith("seconds,rss_kib,cpu_seconds,connections,sent,delivered,p50_ms,p99_ms,errors,")
    assert len(rows) >= 2
    last = dict(zip(header.split(","), rows[-1].split(","), strict=True))
    assert (last["sent"], last["errors"], last["duplicates"], last["gaps"]) == ("30", "0", "0", "0")
    assert int(last["database_rss_kib"]) > 0
    assert ET.fromstring(graph.read_text()).tag.endswith("svg")
    assert "bench: making a school and starting its server" in err.decode()
    assert list(made.iterdir()) == []
