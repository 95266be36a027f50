"""Measuring a running school with many websocket clients from one process."""

from __future__ import annotations

from .accounts import read_accounts
from .errors import BenchError
from .graph import memory_graph
from .measuring import limits_reached, measure
from .plan import Plan
from .report import Report

__all__ = [
    "BenchError",
    "Plan",
    "Report",
    "limits_reached",
    "measure",
    "memory_graph",
    "read_accounts",
]
