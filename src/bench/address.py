"""Where a server is."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from .errors import BenchError


@dataclass(frozen=True, slots=True)
class Address:
    url: str
    host: str
    port: int
    path: str
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises BenchError for what is not the address of a web server."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise BenchError(f"{url} is not an address such as http://127.0.0.1:3030") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BenchError(f"{url} is not an address such as http://127.0.0.1:3030")
        secure = parts.scheme == "https"
        return cls(
            url=url,
            host=parts.hostname,
            port=port or (443 if secure else 80),
            path=f"{parts.path.rstrip('/')}/socket.io/?EIO=4&transport=websocket",
            tls=ssl.create_default_context() if secure else None,
        )

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
