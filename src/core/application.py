"""The application: a registry of services, with settings, hooks, events and channels.

It is an ASGI application once a transport is configured, and knows nothing of any of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Protocol

from .channels import Channel, ChannelRegistry, Publications, Publisher, PublisherMap
from .context import Connection
from .events import EventEmitter, Tasks
from .hooks import HookFunction, HookMap, HookStore
from .routing import Match, Router, segments, strip_path
from .service import STANDARD_EVENTS, Service

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Configure = Callable[["Application"], object]
Mixin = Callable[[Service, str, Mapping[str, Any]], object]


class Realtime(Protocol):
    """What a real-time transport offers to own code, whichever it is."""

    def send(self, connections: list[Connection], event: str, payload: Any) -> None:
        """Send one event to many connections, encoded once; never waits for a slow reader."""
        ...

    def is_open(self, connection: Connection) -> bool:
        """Whether the connection still has its socket; ask again after waiting for anything."""
        ...

    def on(self, event: str, handler: Callable[[Connection, Any], Awaitable[Any]]) -> None:
        """Answer a client's event: the handler's result is the acknowledgement, ``{error}`` on failure."""
        ...


class Application(EventEmitter):
    """Services by path, and what is common to them.

    Application events: ``connection``, ``disconnect``, ``login``, ``logout``, ``publish``.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.tasks = Tasks()
        super().__init__(self.tasks)
        self.settings: dict[str, Any] = dict(settings or {})
        self.services: dict[str, Service] = {}
        self.mixins: list[Mixin] = []
        self.publishers = PublisherMap()
        self.publications = Publications(self, self.tasks)
        self.is_set_up = False
        self.asgi: Asgi | None = None
        self.realtime: Realtime | None = None
        self._channels = ChannelRegistry()
        self._router: Router[Service] = Router()
        self._hooks = HookStore()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.asgi is None:
            raise RuntimeError("the application has no transport: configure rest() or realtime() first")
        await self.asgi(scope, receive, send)

    def get(self, name: str) -> Any:
        """A setting, or None."""
        return self.settings.get(name)

    def set(self, name: str, value: Any) -> Application:
        self.settings[name] = value
        return self

    def configure(self, configure: Configure) -> Application:
        configure(self)
        return self

    def use(self, path: str, service: Any, **options: Any) -> Application:
        """Register a service, or every service of another application under ``path``.

        Options: ``methods`` (those that clients may call), ``events`` (custom ones), ``wire_events``
        (event name → name on the wire), ``route_params``; others are free and read by mixins and hooks.

        Raises TypeError for a path that is no text, ValueError for an object without a service's
        methods, for a path that is taken and for a method name that is not allowed.
        """
        if not isinstance(path, str):  # pyright: ignore[reportUnnecessaryIsInstance] - own code may be untyped
            raise TypeError(f"'{path}' is not a valid service path.")
        if isinstance(service, Application):
            for subpath, sub in service.services.items():
                location = strip_path(f"{strip_path(path)}/{subpath}")
                self.use(location, sub.wrapped, **sub.declaration())
                self.services[location].mount(sub)
            return self
        location = strip_path(path)
        if location in self.services:
            raise ValueError(f"Path {location} already exists")
        registered = Service(self, location, service, **options)
        for mixin in self.mixins:
            mixin(registered, location, registered.options)
        self._router.add(location, registered)
        self.services[location] = registered
        if self.is_set_up:
            _ = self.tasks.start(_lifecycle(registered, "setup", self), name=f"setup {location}")
        return self

    def service(self, path: str) -> Service:
        """Raises LookupError where there is none."""
        found = self.services.get(path) or self.services.get(strip_path(path))
        if found is None:
            raise LookupError(f"Can not find service '{strip_path(path)}'")
        return found

    async def unuse(self, path: str) -> Service:
        """Tear the service down and forget it. Raises LookupError where there is none."""
        service = self.service(path)
        await _lifecycle(service, "teardown", self)
        self._router.remove(service.path)
        del self.services[service.path]
        return service

    def lookup(self, path: str) -> Match[Service] | None:
        """The service that a path of a socket call leads to, with its placeholders' values."""
        exact = self.services.get(path)
        if exact is not None and ":" not in path:
            return Match(exact, None, {})
        return self._router.find(segments(path))

    def route(self, parts: list[str]) -> Match[Service] | None:
        """The service that the decoded segments of an URL path lead to."""
        return self._router.find(parts)

    def hooks(self, registration: HookMap) -> Application:
        """Add hooks that run for every service (and for ``setup`` and ``teardown``)."""
        self._hooks.add(registration, None)
        for service in self.services.values():
            service.forget_chains()
        return self

    def hook_store(self) -> HookStore:
        return self._hooks

    def channel(self, *names: str | Sequence[str]) -> Channel:
        """A channel by its name, or several of them as one. Raises ValueError without a name."""
        return self._channels.channel(
            name for given in names for name in ([given] if isinstance(given, str) else given)
        )

    @property
    def channels(self) -> list[str]:
        return self._channels.names

    def leave_channels(self, connection: Connection) -> None:
        self._channels.leave_all(connection)

    def publish(self, publisher: Publisher, *, event: str | None = None) -> Application:
        """Choose who gets an event of any service that does not choose itself.

        Raises ValueError for an event that no service has.
        """
        known = {*STANDARD_EVENTS, *(name for s in self.services.values() for name in s.custom_events)}
        if event is not None and event not in known:
            raise ValueError(f"'{event}' is not a valid service event")
        self.publishers.set(event, publisher)
        return self

    async def setup(self) -> None:
        """Set the services up, one after the other in the order of registration."""

        async def run() -> None:
            self.is_set_up = True
            for service in list(self.services.values()):
                await _lifecycle(service, "setup", self)

        await self._with_hooks("setup", run)

    async def teardown(self) -> None:
        """Tear the services down in the same order, then wait for what runs in the background."""

        async def run() -> None:
            for service in list(self.services.values()):
                await _lifecycle(service, "teardown", self)
            self.is_set_up = False

        try:
            await self._with_hooks("teardown", run)
        finally:
            await self.tasks.close()

    def default_authentication(self) -> Service | None:
        """The service that logs users in, where authentication is configured."""
        return self.services.get(self.settings.get("default_authentication", ""))

    async def _with_hooks(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        context = LifecycleContext(self, name)
        step = run
        for hook in reversed(self._hooks.of("around", name)):
            step = _around(hook, context, step)
        await step()


class LifecycleContext:
    """What an around hook of ``setup`` or ``teardown`` sees."""

    def __init__(self, app: Application, method: str) -> None:
        self.app = app
        self.method = method
        self.type = "around"


async def _lifecycle(service: Service, name: str, app: Application) -> None:
    function = getattr(service.wrapped, name, None)
    if function is not None:
        outcome = function(app, service.path)
        if inspect.isawaitable(outcome):
            await outcome


def _around(
    hook: HookFunction, context: LifecycleContext, inner: Callable[[], Awaitable[None]]
) -> Callable[[], Awaitable[None]]:
    async def step() -> None:
        called = False

        async def proceed() -> None:
            nonlocal called
            if called:
                raise RuntimeError("next() called multiple times")
            called = True
            await inner()

        outcome = hook(context, proceed)
        if inspect.isawaitable(outcome):
            await outcome

    return step
