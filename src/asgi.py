"""The school as an ASGI application, for a server of your own: ``uvicorn stonechat.asgi:app``."""

from __future__ import annotations

from .app import create_app

app = create_app()
