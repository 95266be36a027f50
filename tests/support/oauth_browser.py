"""A browser that logs in at one application by way of a provider."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import httpx2

from stonechat.core.application import Application
from stonechat.core.oauth import COOKIE


class Browser:
    """Goes where it is sent, keeps cookies, and stops at the page where a login ends."""

    def __init__(self, app: Application, http: httpx2.AsyncClient) -> None:
        self.app = app
        self.http = http

    async def start(self, name: str = "github", *, referer: str = "", **query: str) -> httpx2.Response:
        headers = {"Referer": referer} if referer else {}
        return await self.http.get(f"/oauth/{name}", params=query, headers=headers)

    async def agree(self, started: httpx2.Response) -> str:
        """Agree at the provider; the address of the callback to which it sends the browser."""
        assert started.status_code == 303
        return (await self.http.get(started.headers["location"])).headers["location"]

    async def finish(self, callback: str) -> tuple[str, dict[str, str]]:
        """The page where the login ends, and what is told to it."""
        finished = await self.http.get(callback)
        assert finished.status_code == 303
        assert COOKIE not in self.http.cookies
        page, _, answer = finished.headers["location"].partition("#")
        return page, dict(parse_qsl(answer))

    async def log_in(self, name: str = "github", **query: str) -> dict[str, str]:
        _, answer = await self.finish(await self.agree(await self.start(name, **query)))
        return answer

    def put_cookie(self, value: str) -> None:
        """Instead of the one that it has."""
        self.http.cookies.clear()
        self.http.cookies.set(COOKIE, value, domain=self.http.base_url.host, path="/oauth")

    async def user(self, token: str) -> dict[str, Any]:
        """Whose token it is, as a client of the application learns."""
        data = {"strategy": "jwt", "accessToken": token}
        answer = await self.http.post("/authentication", json=data)
        assert answer.status_code == 201, answer.text
        user: dict[str, Any] = answer.json()["user"]
        return user

    async def users(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.app.service("users").find()
        return found
