"""Reading JSON from the servers of those who vouch for others: issuers of tokens, OAuth providers."""

from __future__ import annotations

import json
from http.client import HTTPMessage
from typing import IO, Any, Final
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

LARGEST_ANSWER: Final = 1_048_576  # bytes
LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would carry secrets to an address that nobody has checked."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


_opener = build_opener(_NoRedirects)


def check_https(url: str) -> str:
    """The address itself. Raises ValueError for one that is not ``https``, except one of this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in LOCAL_HOSTS):
        raise ValueError(f"not an address of https: {url}")
    return url


def read_json(request: Request, timeout: float) -> Any:
    """To be called in a thread. Raises OSError (HTTPError among it), HTTPException and ValueError."""
    with _opener.open(request, timeout=timeout) as response:
        body: bytes = response.read(LARGEST_ANSWER + 1)
    if len(body) > LARGEST_ANSWER:
        raise ValueError("the answer is too long")
    return json.loads(body)
