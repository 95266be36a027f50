from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.served import Served, served_school


@pytest.fixture(scope="session")
def fuzzed(mongodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("fuzzed")
    variables = {"STONECHAT_MONGODB_URL": mongodb_url, "STONECHAT_MONGODB_DATABASE": "test_fuzz"}
    with served_school(folder, **variables) as school:
        yield school
