"""``stonechat new``, as a person types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.generators.conftest import Command


def files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_an_application_is_a_folder_of_its_own(stonechat: Command, tmp_path: Path) -> None:
    ended = stonechat(tmp_path, "new", "app", "my-notes")

    assert ended.code == 0
    written = {line.removeprefix("  wrote ") for line in ended.out.splitlines() if "wrote" in line}
    assert written == files(tmp_path)
    assert {
        "my-notes/pyproject.toml",
        "my-notes/my_notes/app.py",
        "my-notes/tests/test_app.py",
        "my-notes/.gitignore",
    } <= written
    assert ended.out.splitlines()[-1].startswith("Next: cd my-notes, then ")


def test_a_service_is_added_from_anywhere_inside(stonechat: Command, app: Path) -> None:
    before = files(app)

    ended = stonechat(app / "my_notes" / "services", "new", "service", "class-notes")

    assert ended.code == 0
    assert files(app) - before == {
        "my_notes/services/class_notes/__init__.py",
        "my_notes/services/class_notes/hooks.py",
        "my_notes/services/class_notes/schema.py",
        "my_notes/services/class_notes/service.py",
        "tests/test_class_notes.py",
    }
    assert "../../tests/test_class_notes.py" in ended.out
    routes = [sys.executable, "-m", "stonechat", "routes", "my_notes.asgi:app"]
    listed = subprocess.run(routes, cwd=app, capture_output=True, text=True, check=True)
    assert "/class-notes" in listed.stdout


def test_users_and_a_database_come_along_once(stonechat: Command, app: Path) -> None:
    first = stonechat(app, "new", "service", "messages", "--adapter", "mongo", "--authenticate")
    second = stonechat(app, "new", "service", "tasks", "--adapter", "beanie", "--authenticate")

    assert (first.code, second.code) == (0, 0)
    assert "services/users/service.py" in first.out
    assert "database.py" in first.out
    assert "users" not in second.out
    assert "database.py" not in second.out


def test_services_in_memory_need_no_database(stonechat: Command, app: Path) -> None:
    stonechat(app, "new", "service", "messages", "--authenticate")

    assert not (app / "my_notes/database.py").exists()
    assert "MongoService" not in (app / "my_notes/services/users/service.py").read_text()


def test_users_are_made_alone_if_they_are_asked_for(stonechat: Command, app: Path) -> None:
    ended = stonechat(app, "new", "service", "users", "--authenticate")

    assert ended.code == 0
    registered = (app / "my_notes/services/__init__.py").read_text()
    assert registered.count("configure(users.configure)") == 1
    assert registered.count("configure(authentication.configure)") == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("My-Notes", "is not a name"),
        ("1st", "is not a name"),
        ("notes-", "is not a name"),
        ("../notes", "is not a name"),
        ("a" * 31, "is too long"),
        ("class", "is a word of Python's"),
        ("json", "is the name of another package"),
        ("stonechat", "is the name of another package"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(
    stonechat: Command, tmp_path: Path, name: str, reason: str
) -> None:
    ended = stonechat(tmp_path, "new", "app", name)

    assert ended.code == 2
    assert reason in ended.err
    assert len(ended.err.splitlines()) == 1
    assert files(tmp_path) == set()


def test_a_folder_that_is_there_stays_as_it_is(stonechat: Command, app: Path) -> None:
    (app / "mine.txt").write_text("mine")

    ended = stonechat(app.parent, "new", "app", "my-notes")

    assert (ended.code, ended.err) == (2, "stonechat: my-notes is there already\n")
    assert (app / "mine.txt").read_text() == "mine"


def test_a_service_needs_an_application_around_it(stonechat: Command, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'other'\n")

    ended = stonechat(tmp_path, "new", "service", "messages")

    assert ended.code == 2
    assert "not inside an application" in ended.err
    assert "stonechat new app NAME" in ended.err
    assert files(tmp_path) == {"pyproject.toml"}


def test_a_service_is_not_made_twice(stonechat: Command, app: Path) -> None:
    stonechat(app, "new", "service", "messages")
    before = (app / "my_notes/services/__init__.py").read_text()

    ended = stonechat(app, "new", "service", "messages", "--adapter", "mongo")

    assert (ended.code, ended.err) == (2, "stonechat: my_notes/services/messages is there already\n")
    assert (app / "my_notes/services/__init__.py").read_text() == before
    assert not (app / "my_notes/database.py").exists()


def test_a_test_that_is_there_is_not_written_over(stonechat: Command, app: Path) -> None:
    (app / "tests/test_messages.py").write_text("mine")

    ended = stonechat(app, "new", "service", "messages")

    assert (ended.code, ended.err) == (2, "stonechat: tests/test_messages.py is there already\n")
    assert not (app / "my_notes/services/messages").exists()


def test_users_without_authentication_are_not_made_up_for(stonechat: Command, app: Path) -> None:
    stonechat(app, "new", "service", "users")

    ended = stonechat(app, "new", "service", "messages", "--authenticate")

    assert ended.code == 2
    assert "my_notes/services/users is there, but no authentication" in ended.err


def test_authentication_is_no_service_of_its_own(stonechat: Command, app: Path) -> None:
    ended = stonechat(app, "new", "service", "authentication")

    assert ended.code == 2
    assert "--authenticate" in ended.err


def test_a_pyproject_that_cannot_be_read_is_named(stonechat: Command, app: Path) -> None:
    (app / "pyproject.toml").write_text("[tool")

    ended = stonechat(app, "new", "service", "messages")

    assert ended.code == 2
    assert "pyproject.toml" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["new", "--help"], ["app", "service"]),
        (["new", "app", "--help"], ["NAME", "tests"]),
        (["new", "service", "--help"], ["memory", "mongo", "beanie", "--authenticate"]),
    ],
)
def test_the_help_says_what_can_be_made(
    stonechat: Command, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    ended = stonechat(tmp_path, *arguments)

    assert ended.code == 0
    assert [word for word in words if word not in ended.out] == []
