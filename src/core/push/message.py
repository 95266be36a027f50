"""What is pushed to a device, what becomes of it, and who brings it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

MAX_PAYLOAD: Final = 4096
"""Bytes that APNs, FCM and push services of browsers take."""


@dataclass(frozen=True, slots=True)
class Address:
    """A device, as its provider knows it: for the web ``token`` is the endpoint of a subscription.

    ``keys`` are that subscription's: ``{p256dh, auth}``.
    """

    token: str = field(repr=False)
    keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Without a ``title`` it shows nothing, and only sets the ``badge``.

    On the device it takes the place of what came before with the same ``topic``: at most 32 characters of
    base64url. It is worth nothing after ``lifetime`` seconds.
    """

    to: Address
    topic: str
    title: str | None = None
    body: str = ""
    badge: int | None = None
    sound: bool = True
    data: Mapping[str, str] = field(default_factory=dict[str, str])
    lifetime: int = 24 * 60 * 60

    @property
    def is_silent(self) -> bool:
        return self.title is None


@dataclass(frozen=True, slots=True)
class Delivered:
    """The provider has it. ``receipt`` is what to ask by for what became of it, where one can."""

    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """No device has the token any more."""


@dataclass(frozen=True, slots=True)
class Later:
    """To be tried again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """It would be refused again."""

    reason: str


Outcome: TypeAlias = Delivered | Gone | Later | Refused


class Provider(Protocol):
    """Brings pushes to the devices of one kind."""

    shows_silence: bool
    """Whether a device shows something even for a silent push."""

    def problem(self, address: Address) -> tuple[str, str] | None:
        """Which field of an address is wrong, and why: ``("token", "is not …")``."""
        ...

    async def send(self, pushes: Sequence[Push]) -> list[Outcome]:
        """What becomes of each, in their order. Whatever the provider does, it is an outcome."""
        ...

    async def close(self) -> None: ...
