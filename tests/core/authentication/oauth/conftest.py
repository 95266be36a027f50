from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from stonechat.core.application import Application
from stonechat.core.authentication import AuthenticationOptions, OauthOptions, OauthStrategy
from stonechat.core.oauth import oauth
from stonechat.core.testing import serving
from stonechat.core.transports.rest import rest
from stonechat.core.transports.web import web
from tests.support.oauth_browser import Browser
from tests.support.provider import Provider

Start = Callable[[AuthenticationOptions], Application]


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Provider]:
    async with Provider.serving() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    fresh = Provider()
    running.profile, running.claims = fresh.profile, fresh.claims
    running.refusal, running.answers, running.asked = None, {}, fresh.asked
    return running


Open = Callable[..., Awaitable[Browser]]


@pytest.fixture
async def open_browser(
    start: Start, options: AuthenticationOptions, provider: Provider
) -> AsyncIterator[Open]:
    """An application with the providers ``github`` (OAuth) and ``city`` (OpenID Connect), and a browser.

    ``served``: over a socket, which takes a while to close.
    """
    async with AsyncExitStack() as stack:

        async def run(
            authentication: AuthenticationOptions = options,
            strategies: dict[str, type[OauthStrategy]] | None = None,
            *,
            served: bool = False,
            **changes: Any,
        ) -> Browser:
            app = start(authentication).configure(rest())
            providers = {"github": provider.options(), "city": provider.oidc_options()}
            app.configure(oauth(replace(OauthOptions(providers=providers), **changes), strategies))
            if served:
                url, mounts = await stack.enter_async_context(serving(app)), {}
            else:
                await app.setup()
                stack.push_async_callback(app.teardown)
                url = "http://school.test"
                mounts = {url: httpx2.ASGITransport(web(app))}
            client = httpx2.AsyncClient(base_url=url, mounts=mounts)
            return Browser(app, await stack.enter_async_context(client))

        yield run


@pytest.fixture
async def browser(open_browser: Open) -> Browser:
    return await open_browser()
