from __future__ import annotations

from pathlib import Path

import pytest

from stonechat.generators.names import GeneratorError
from stonechat.generators.registration import Registration

EDITED = '''"""The services."""

from __future__ import annotations

import os

from stonechat import Application

from . import notes as diary
from .tasks import configure as tasks

VERSION = 2


def services(app: Application) -> None:
    app.set("version", VERSION)
    app.configure(diary.configure)
    if os.environ.get("TASKS"):
        app.configure(tasks)


def other() -> None: ...
'''


def registration(folder: Path, text: str) -> tuple[Registration, Path]:
    file = folder / "__init__.py"
    file.write_text(text)
    return Registration(file, Path("services/__init__.py")), file


def test_what_people_have_written_stays(tmp_path: Path) -> None:
    services, file = registration(tmp_path, EDITED)

    services.add("messages")
    services.add_first("database", "database")
    services.save()

    assert file.read_text() == EDITED.replace(
        "from . import notes as diary\n",
        "from ..database import database\nfrom . import messages, notes as diary\n",
    ).replace(
        "    app.set(",
        "    app.configure(database)\n    app.set(",
    ).replace(
        "        app.configure(tasks)\n",
        "        app.configure(tasks)\n    app.configure(messages.configure)\n",
    )


def test_nothing_is_written_before_it_is_saved(tmp_path: Path) -> None:
    services, file = registration(tmp_path, EDITED)

    services.add("messages")

    assert file.read_text() == EDITED


def test_an_import_that_gets_too_long_is_broken(tmp_path: Path) -> None:
    names = [f"service_number_{number}" for number in range(8)]
    services, file = registration(tmp_path, "def services(app):\n    pass\n")

    for name in names:
        services.add(name)
    services.save()

    block = "".join(f"    {name},\n" for name in names)
    assert file.read_text().startswith(f"\nfrom . import (\n{block})\n")


@pytest.mark.parametrize("text", ["", "def services():\n    pass\n", "services = []\n"])
def test_a_file_without_the_function_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(GeneratorError, match=r"services/__init__.py has no function services\(app\)"):
        registration(tmp_path, text)


def test_a_file_that_is_no_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match=r"services/__init__.py cannot be read"):
        registration(tmp_path, "def services(app:\n")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="cannot be read"):
        Registration(tmp_path / "missing.py", Path("services/__init__.py"))
