"""Pushes to devices: ``app.configure(push({"apns": …}))`` says which providers bring them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, cast

from ..application import Application
from .apns import Apns, ApnsKey
from .expo import Expo
from .fcm import Fcm, ServiceAccount
from .message import Address, Delivered, Gone, Later, Outcome, Provider, Push, Refused
from .web import WebPush

SETTING: Final = "push_providers"

__all__ = [
    "Address",
    "Apns",
    "ApnsKey",
    "Delivered",
    "Expo",
    "Fcm",
    "Gone",
    "Later",
    "Outcome",
    "Provider",
    "Push",
    "Refused",
    "ServiceAccount",
    "WebPush",
    "providers_of",
    "push",
]


def push(providers: Mapping[str, Provider]) -> Callable[[Application], None]:
    """Keep the providers for who sends, and close them at the end."""

    def configure(app: Application) -> None:
        async def teardown(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            await proceed()
            for provider in providers.values():
                await provider.close()

        app.set(SETTING, dict(providers))
        app.hooks({"around": {"teardown": [teardown]}})

    return configure


def providers_of(app: Application) -> Mapping[str, Provider]:
    """By name, those that are in use."""
    return cast("Mapping[str, Provider]", app.get(SETTING) or {})
