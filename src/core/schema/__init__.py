"""Validation at the edge, with marshmallow."""

from __future__ import annotations

from .fields import Id, choice, count, moment, text
from .validate import validate_data, validate_query

__all__ = ["Id", "choice", "count", "moment", "text", "validate_data", "validate_query"]
