"""``stonechat new``: writes small applications and their services, for people to go on with."""

from __future__ import annotations

from .app import new_app
from .names import GeneratorError
from .service import ADAPTERS, new_service

__all__ = ["ADAPTERS", "GeneratorError", "new_app", "new_service"]
