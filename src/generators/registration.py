"""The list of an application's services, ``services/__init__.py``, which people edit too."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

from .names import GeneratorError

FUNCTION: Final = "services"
LINE_LENGTH: Final = 100


class Registration:
    """The text of the file; nothing is written before ``save``.

    Raises GeneratorError where the file has no function ``services(app)`` to add to.
    """

    def __init__(self, file: Path, shown: Path) -> None:
        self._file = file
        self._shown = shown
        try:
            self._text = file.read_text("utf-8")
            self._function()
        except (OSError, SyntaxError) as error:
            raise GeneratorError(f"{shown} cannot be read: {error}") from None

    def add(self, module: str) -> None:
        """Register a service of its own folder, after the others."""
        self._import(level=1, origin=None, name=module)
        self._call(f"app.configure({module}.configure)", at_end=True)

    def add_first(self, module: str, name: str) -> None:
        """Configure ``name``, of a module beside the services, before them."""
        self._import(level=2, origin=module, name=name)
        self._call(f"app.configure({name})", at_end=False)

    def save(self) -> None:
        self._file.write_text(self._text, "utf-8")

    def _function(self) -> ast.FunctionDef:
        for node in ast.parse(self._text).body:
            if isinstance(node, ast.FunctionDef) and node.name == FUNCTION and len(node.args.args) == 1:
                return node
        raise GeneratorError(f"{self._shown} has no function {FUNCTION}(app) to register services in")

    def _call(self, statement: str, *, at_end: bool) -> None:
        function = self._function()
        body = function.body
        is_documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        before = body if at_end else body[:1] if is_documented else []
        line = before[-1].end_lineno if before else body[0].lineno - 1
        self._insert(int(line or 0), [f"{' ' * body[0].col_offset}{statement}"])

    def _import(self, *, level: int, origin: str | None, name: str) -> None:
        """Import ``name``, in the order that sorters of imports like: the farther module first."""
        imports = [
            node for node in ast.parse(self._text).body if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        relative = [node for node in imports if isinstance(node, ast.ImportFrom) and node.level]
        for node in relative:
            if (node.level, node.module) == (level, origin):
                names = {(alias.name, alias.asname) for alias in node.names} | {(name, None)}
                lines = _import_lines(
                    level, origin, [f"{one} as {other}" if other else one for one, other in names]
                )
                self._replace(node.lineno - 1, int(node.end_lineno or node.lineno), lines)
                return
        lines = _import_lines(level, origin, [name])
        if following := [node for node in relative if node.level < level]:
            self._insert(following[0].lineno - 1, lines)
        elif relative:
            self._insert(int(relative[-1].end_lineno or 0), lines)
        else:
            self._insert(int(imports[-1].end_lineno or 0) if imports else 0, ["", *lines])

    def _insert(self, at: int, lines: list[str]) -> None:
        self._replace(at, at, lines)

    def _replace(self, start: int, end: int, lines: list[str]) -> None:
        whole = self._text.splitlines()
        whole[start:end] = lines
        self._text = "\n".join(whole) + "\n"


def _import_lines(level: int, origin: str | None, names: list[str]) -> list[str]:
    source = f"from {'.' * level}{origin or ''} import"
    line = f"{source} {', '.join(sorted(names))}"
    if len(line) <= LINE_LENGTH:
        return [line]
    return [f"{source} (", *(f"    {name}," for name in sorted(names)), ")"]
