"""Writing what was rendered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .names import GeneratorError


def write_new(folder: Path, texts: Mapping[Path, str]) -> list[Path]:
    """Write the files, all or none; their paths in the folder.

    Raises GeneratorError where one of them is there already.
    """
    if taken := [file for file in texts if (folder / file).exists()]:
        raise GeneratorError(f"{taken[0]} is there already")
    for file, text in texts.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, "utf-8")
    return list(texts)
