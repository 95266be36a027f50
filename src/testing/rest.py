"""A client over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from ..core.encoding import decode, encode
from ..core.shapes import is_list, is_mapping
from .clients import RemoteService, error_of
from .http import request

VERBS: Final = {
    "find": "GET",
    "get": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "remove": "DELETE",
}
REFUSED: Final = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """``headers`` by lower-cased name. ``body`` is JSON's value, other text as it is, None if empty."""

    status: int
    headers: Mapping[str, str]
    body: Any


class RestClient:
    """Calls services at ``url``, with ``token`` as the access token, if there is one.

    Each request has a connection of its own, so there is nothing to close.
    """

    def __init__(self, url: str, *, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.token = token

    def service(self, path: str) -> RemoteService:
        return RemoteService(self, path)

    async def log_in(self, strategy: str = "local", /, **credentials: Any) -> Any:
        """Log in, and send the token with every request from now on; the user.

        Raises NotAuthenticated.
        """
        data = {"strategy": strategy, **credentials}
        result = await self.service("authentication").create(data)
        self.token = result["accessToken"]
        return result.get("user")

    async def call(
        self, method: str, path: str, *, id: Any = None, data: Any = None, query: Any = None
    ) -> Any:
        """Call a service's method, standard or custom. Raises FeathersError as the server did."""
        location = path if id is None else f"{path}/{quote(str(id), safe='')}"
        headers = {} if method in VERBS else {"X-Service-Method": method}
        answer = await self.request(VERBS.get(method, "POST"), location, data, query=query, headers=headers)
        if answer.status >= REFUSED:
            raise error_of(answer.body)
        return answer.body

    async def request(
        self,
        verb: str,
        location: str,
        data: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send any request, ``data`` as JSON, and return its answer, whatever its status."""
        url = f"{self.url}/{location.lstrip('/')}"
        if query:
            url = f"{url}?{query_string(query)}"
        sent = {"Accept": "application/json"}
        if data is not None:
            sent["Content-Type"] = "application/json"
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        body = b"" if data is None else encode(data)
        response = await request(verb, url, {**sent, **(headers or {})}, body)
        return Answer(response.status, response.headers, _value(response.body))


def query_string(query: Mapping[str, Any]) -> str:
    """A nested query as Feathers' clients write it: ``age[$in][0]=1``, percent-encoded."""
    return urlencode([pair for name, part in query.items() for pair in _pairs(name, part)])


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if is_mapping(value):
        for key, part in value.items():
            yield from _pairs(f"{name}[{key}]", part)
    elif is_list(value):
        for position, part in enumerate(value):
            yield from _pairs(f"{name}[{position}]", part)
    else:
        plain = decode(encode(value))
        yield name, plain if isinstance(plain, str) else "" if plain is None else encode(plain).decode()


def _value(body: bytes) -> Any:
    if not body:
        return None
    try:
        return decode(body)
    except ValueError:
        return body.decode(errors="replace")
