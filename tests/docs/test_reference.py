from __future__ import annotations

import subprocess
import sys

import stonechat
from tests.support.pages import ROOT

REFERENCE = ROOT / "docs" / "reference"


def test_the_reference_is_what_the_code_says() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "reference.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 0, f"{result.stderr}run scripts/reference.py"


def test_every_public_name_is_in_the_reference() -> None:
    page = (REFERENCE / "api.md").read_text("utf-8")
    names = [name for name in stonechat.__all__ if not name.startswith("__")]

    assert [name for name in names if f"## {name}\n" not in page and f"- `{name}` is" not in page] == []


def test_every_command_is_in_the_reference() -> None:
    page = (REFERENCE / "commands.md").read_text("utf-8")

    for command in ("serve", "seed", "indexes", "routes", "check-config", "new app", "new service"):
        assert f"## stonechat {command}\n" in page
    assert "| `--adapter memory|mongo|beanie` |".replace("|mongo|", "\\|mongo\\|") in page


def test_every_setting_that_a_variable_sets_is_in_the_reference() -> None:
    page = (REFERENCE / "settings.md").read_text("utf-8")

    assert "| `http.port` | `3030` | `STONECHAT_PORT` | Port to listen on; 0 takes a free one. |" in page
    assert "| `authentication.argon2.time_cost` | `3` |" in page
