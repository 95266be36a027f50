"""A new service of an application that ``new_app`` has made."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .files import write_new
from .names import GeneratorError, class_name, module_name
from .registration import Registration
from .templates import render

ADAPTERS: Final = ("memory", "mongo", "beanie")
PROJECT: Final = "pyproject.toml"
USERS, AUTHENTICATION = "users", "authentication"


@dataclass(frozen=True, slots=True)
class Project:
    """An application's ``folder``, and the package and the name in its pyproject.toml."""

    folder: Path
    package: str
    name: str

    @property
    def services(self) -> Path:
        return Path(self.package, "services")

    def has(self, *parts: str) -> bool:
        return self.folder.joinpath(self.package, *parts).exists()


def new_service(
    name: str, inside: Path, *, adapter: str = "memory", authenticate: bool = False
) -> tuple[Path, list[Path]]:
    """Write the service ``name`` into the application around the folder ``inside``, and register it.

    The first service of a database brings ``database.py`` along, the first that asks who is calling
    the services ``users`` and ``authentication``. Returns the application's folder and the files
    written, by their path in it. Raises GeneratorError; nothing is written then.
    """
    project = find_project(inside)
    module = module_name(name)
    if module == AUTHENTICATION:
        raise GeneratorError(
            "authentication comes along with the first service that is made with --authenticate"
        )
    if project.has("services", module):
        raise GeneratorError(f"{project.services / module} is there already")
    values = {
        "name": project.name,
        "package": project.package,
        "prefix": project.package.upper(),
        "path": name,
        "module": module,
        "class_": class_name(module),
    }
    flags = {
        adapter,
        *({"database"} if adapter != "memory" else ()),
        *({"authenticate"} if authenticate else ()),
    }
    registration = Registration(
        project.folder / project.services / "__init__.py", project.services / "__init__.py"
    )
    texts: dict[Path, str] = {}
    if "database" in flags and not project.has("database.py"):
        texts |= render("database", values)
        registration.add_first("database", "database")
    if authenticate and not project.has("services", AUTHENTICATION):
        if project.has("services", USERS):
            raise GeneratorError(
                f"{project.services / USERS} is there, but no {AUTHENTICATION} that goes with it"
            )
        texts |= render("authentication", values, flags)
        registration.add(USERS)
        registration.add(AUTHENTICATION)
    if module != USERS or not authenticate:
        texts |= render("service", values, flags)
        texts |= render("model", values) if adapter == "beanie" else {}
        registration.add(module)
    written = write_new(project.folder, texts)
    registration.save()
    return project.folder, written


def find_project(inside: Path) -> Project:
    """Raises GeneratorError where neither the folder nor one above it holds an application."""
    for folder in (inside, *inside.parents):
        tables = _tables(folder / PROJECT)
        package = tables.get("tool", {}).get("stonechat", {}).get("package")
        if isinstance(package, str):
            name = str(tables.get("project", {}).get("name", package))
            return Project(folder, package, name)
    raise GeneratorError(
        "not inside an application: no pyproject.toml here or above has [tool.stonechat];"
        " 'stonechat new app NAME' makes one"
    )


def _tables(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise GeneratorError(f"{file}: {error}") from None
