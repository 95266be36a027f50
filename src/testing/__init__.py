"""For tests of applications: serve one, and call it as clients do.

    async with serving(app) as url, SocketClient.open(url) as socket:
        note = await RestClient(url).service("notes").create({"text": "Hello"})
        assert await socket.event("notes created") == note

Nothing here needs a package that Stonechat does not need itself.
"""

from __future__ import annotations

from ..core.testing import serving
from .clients import RemoteService
from .mongodb import mongodb
from .rest import Answer, RestClient, query_string
from .socket import SocketClient

__all__ = ["Answer", "RemoteService", "RestClient", "SocketClient", "mongodb", "query_string", "serving"]
