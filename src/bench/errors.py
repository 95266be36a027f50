"""What keeps a measurement from being made."""

from __future__ import annotations


class BenchError(Exception):
    """Something that a person can mend, said in one line."""
