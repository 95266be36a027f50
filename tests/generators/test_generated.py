"""What is made stands on its own: its checks and its tests pass, with the tools of this environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stonechat.generators import new_app, new_service
from tests.support.pages import PLAIN_PYTEST, ROOT

pytestmark = pytest.mark.long

TOOLS = Path(sys.executable).parent
LONGEST = "a-name-of-thirty-characters-xx"


def make(folder: Path, target: str) -> None:
    """Run a target of the application's Makefile."""
    path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
    # The types of the libraries are the same for every application.
    cache = ROOT / ".mypy_cache" / "generated"
    environment = {**os.environ, **PLAIN_PYTEST, "PATH": path, "MYPY_CACHE_DIR": str(cache)}
    result = subprocess.run(
        ["make", target], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_an_application_passes_its_checks_and_its_tests(tmp_path: Path) -> None:
    new_app("my-notes", tmp_path, "0.1")
    app = tmp_path / "my-notes"
    new_service("messages", app)
    new_service("class-notes", app, adapter="mongo", authenticate=True)
    new_service("tasks", app, adapter="beanie")

    make(app, "check")
    make(app, "test")


def test_the_longest_names_make_no_line_too_long(tmp_path: Path) -> None:
    assert len(LONGEST) == 30
    new_app(LONGEST, tmp_path, "0.1")
    app = tmp_path / LONGEST
    for adapter in ("memory", "mongo", "beanie"):
        new_service(f"{adapter[:3]}-{LONGEST[4:]}", app, adapter=adapter)
        new_service(f"my-{adapter[:3]}-{LONGEST[7:]}", app, adapter=adapter, authenticate=True)

    for command in (["check"], ["format", "--check"]):
        result = subprocess.run(
            [TOOLS / "ruff", *command], cwd=app, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout


def test_an_application_imports_nothing_that_is_not_public(tmp_path: Path) -> None:
    new_app("notes", tmp_path, "0.1")
    new_service("messages", tmp_path / "notes", adapter="mongo", authenticate=True)

    imported = {
        line.split()[1]
        for file in (tmp_path / "notes").rglob("*.py")
        for line in file.read_text().splitlines()
        if line.startswith("from stonechat")
    }

    assert imported == {"stonechat", "stonechat.testing"}
