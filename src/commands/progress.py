"""How far a command has come, on standard error."""

from __future__ import annotations

import sys
from typing import TextIO


class ProgressLine:
    """One line that changes on a terminal, a line for each change elsewhere; the last one stays.

    ``every`` is how many steps are passed over between two lines that are not on a terminal.
    """

    def __init__(self, what: str, *, every: int = 1, stream: TextIO | None = None) -> None:
        self._what = what
        self._every = every
        self._stream = sys.stderr if stream is None else stream
        self._lives = self._stream.isatty()
        self._shown = ""
        self._written = ""
        self._steps = 0

    def show(self, text: str) -> None:
        line = f"{self._what}: {text}"
        if line == self._shown:
            return
        if self._lives:
            # Behind a shorter line the end of the longer one before would be left.
            self._stream.write(f"\r{line.ljust(len(self._shown))}")
        elif self._steps % self._every == 0:
            self._write_line(line)
        self._steps += 1
        self._shown = line
        self._stream.flush()

    def end(self) -> None:
        if self._lives and self._shown:
            self._stream.write("\n")
            self._stream.flush()
        elif self._written != self._shown:
            self._write_line(self._shown)

    def _write_line(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()
        self._written = line
