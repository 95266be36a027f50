"""Pages of the documentation: their fences, and a runner for what the fences show."""

from __future__ import annotations
import __future__

import ast
import asyncio
import contextlib
import doctest
import inspect
import io
import json
import os
import re
import subprocess
import sys
import tomllib
import types
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from structlog.testing import capture_logs

ROOT: Final = Path(__file__).parent.parent.parent

FENCE: Final = re.compile(
    r"^(?P<mark>```+)(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=mark)[ \t]*$", re.DOTALL | re.MULTILINE
)

# The plugins of this environment take longer to load than such tests to run; an application has none of them.
UNNEEDED: Final = ("schemathesis", "hypothesispytest", "xdist", "xdist.looponfail", "valkey", "anyio")
PLAIN_PYTEST: Final = {"PYTEST_ADDOPTS": " ".join(f"-p no:{name}" for name in UNNEEDED)}
"""The environment of a pytest that tests start."""

FUTURE_ANNOTATIONS: Final = __future__.annotations.compiler_flag


@dataclass(frozen=True, slots=True)
class Fence:
    """``line`` is that of the first line inside; ``file`` the path that the text is for, if it is one's."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int

    @property
    def file(self) -> str | None:
        return next((word.removeprefix("file=") for word in self.words if word.startswith("file=")), None)


def fences(markdown: str) -> list[Fence]:
    found: list[Fence] = []
    for match in FENCE.finditer(markdown):
        language, *words = match["info"].split() or [""]
        line = markdown.count("\n", 0, match.start("text")) + 1
        found.append(Fence(language, tuple(words), match["text"], line))
    return found


def write(fence: Fence, folder: Path) -> Path:
    """Write the file that a fence shows. Raises ValueError for a path that leads out of the folder."""
    file = folder / str(fence.file)
    if not file.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{fence.file} is outside of the page's folder")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(fence.text, "utf-8")
    return file


def same_output(shown: str, printed: str) -> bool:
    """Whether the output is what a page shows; ``...`` there stands for anything."""
    checker = doctest.OutputChecker()
    return checker.check_output(f"{shown.strip()}\n", f"{printed.strip()}\n", doctest.ELLIPSIS)


class PageRun:
    """Runs the fences of one page, from top to bottom, in one namespace and one folder."""

    def __init__(self, page: Path, folder: Path, **names: Any) -> None:
        self.page = page
        self.folder = folder
        self.module = types.ModuleType(f"page_{page.stem}")
        self.module.__dict__.update(names)
        self._flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._printed: str | None = None

    async def run(self) -> None:
        with _importable(self.folder, self.module):
            for fence in fences(self.page.read_text("utf-8")):
                await self._fence(fence)
        await self._pytest()

    async def _fence(self, fence: Fence) -> None:
        printed, self._printed = self._printed, None
        if fence.language == "json":
            json.loads(fence.text)
        elif fence.language == "toml":
            tomllib.loads(fence.text)
        if fence.file is not None:
            write(fence, self.folder)
        elif fence.language == "python":
            self._printed = await self._execute(fence)
        elif fence.language == "text" and printed is not None:
            place = f"{self.page.name}:{fence.line}"
            assert same_output(fence.text, printed), f"{place} is not what is printed:\n{printed}"

    async def _execute(self, fence: Fence) -> str:
        """What the fence prints."""
        tree = ast.increment_lineno(ast.parse(fence.text, str(self.page)), fence.line - 1)
        code = compile(tree, str(self.page), "exec", self._flags, dont_inherit=True)
        self._flags |= code.co_flags & FUTURE_ANNOTATIONS
        output = io.StringIO()
        # An application that has not configured its log writes it to standard output.
        with contextlib.redirect_stdout(output), capture_logs():
            outcome: Any = eval(code, self.module.__dict__)
            if inspect.isawaitable(outcome):
                await outcome
        return output.getvalue()

    async def _pytest(self) -> None:
        """Run the tests that the page has written."""
        if not list(self.folder.rglob("test_*.py")):
            return
        options: tuple[str, ...] = ("-q", "-p", "no:cacheprovider", "--rootdir", str(self.folder))
        if not (self.folder / "pyproject.toml").exists():
            options = (*options, "-o", "asyncio_mode=auto", "-o", "pythonpath=.")
        command = [sys.executable, "-m", "pytest", *options]
        result = await asyncio.to_thread(
            subprocess.run,
            command,
            cwd=self.folder,
            env={**os.environ, **PLAIN_PYTEST},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout


@contextlib.contextmanager
def _importable(folder: Path, module: types.ModuleType) -> Generator[None]:
    """Let modules of the folder be imported, and types of the page be resolved, while the page runs."""
    loaded = set(sys.modules)
    sys.modules[module.__name__] = module
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - loaded:
            file = getattr(sys.modules[name], "__file__", None)
            if sys.modules[name] is module or (file and Path(file).is_relative_to(folder)):
                del sys.modules[name]
