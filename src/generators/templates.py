"""Trees of template files, and what they become.

In the name of a file ``PACKAGE`` and ``SERVICE`` stand for names, ``dot-`` for a leading dot. In its
text ``${name}`` stands for a value, and the lines from ``%if FLAG`` or ``%if not FLAG`` to ``%end``
stay only where the flag is (not) set.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Final

FOLDER: Final = Path(__file__).parent / "templates"
SUFFIX: Final = ".tmpl"


def render(tree: str, values: Mapping[str, str], flags: Collection[str] = ()) -> dict[Path, str]:
    """The texts of a tree's files by their path in the application."""
    return {
        _place(file.relative_to(FOLDER / tree), values): _text(file.read_text("utf-8"), values, flags)
        for file in sorted((FOLDER / tree).rglob(f"*{SUFFIX}"))
    }


def _place(file: Path, values: Mapping[str, str]) -> Path:
    parts: list[str] = []
    for part in file.with_name(file.name.removesuffix(SUFFIX)).parts:
        named = part.replace("PACKAGE", values["package"]).replace("SERVICE", values.get("module", ""))
        parts.append(f".{named.removeprefix('dot-')}" if named.startswith("dot-") else named)
    return Path(*parts)


def _text(template: str, values: Mapping[str, str], flags: Collection[str]) -> str:
    return Template("".join(_kept(template.splitlines(keepends=True), flags))).substitute(values)


def _kept(lines: list[str], flags: Collection[str]) -> Iterator[str]:
    is_kept = True
    for line in lines:
        match line.split():
            case ["%if", "not", flag]:
                is_kept = flag not in flags
            case ["%if", flag]:
                is_kept = flag in flags
            case ["%end"]:
                is_kept = True
            case _:
                if is_kept:
                    yield line
