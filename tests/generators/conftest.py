from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from stonechat import cli


@dataclass(frozen=True, slots=True)
class Ended:
    code: int | str | None
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def stonechat(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line, run in a folder."""

    def run(folder: Path, *arguments: str) -> Ended:
        code: int | str | None = 0
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            try:
                cli.main(arguments)
            except SystemExit as ended:
                code = ended.code
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def app(stonechat: Command, tmp_path: Path) -> Path:
    """The folder of a new application."""
    assert stonechat(tmp_path, "new", "app", "my-notes").code == 0
    return tmp_path / "my-notes"
