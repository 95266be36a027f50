"""The application: a registry of services, with settings, hooks, events and channels.

It is an ASGI application once a transport is configured, and knows nothing of any of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol, cast

from .backplane.alone import Alone, Backplane
from .channels import Channel, ChannelRegistry
from .context import Connection, HookContext
from .events import EventEmitter, Tasks
from .hooks import HookMap, HookStore, Step, compile_chain
from .jobs.task import Jobs, NoJobs
from .observer import Observer
from .publications import Publications, PublisherMap, Publishing
from .routing import Match, Router, segments, strip_path
from .service import STANDARD_EVENTS, Service

if TYPE_CHECKING:
    from .listening import Listening

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Configure = Callable[["Application"], object]
Mixin = Callable[[Service, str, Mapping[str, Any]], object]


class RealtimeNamespace(Protocol):
    """Sockets with events of their own; their connections are in channels as all others are."""

    def on(self, event: str, handler: Callable[[Connection, Any], Awaitable[Any]]) -> None: ...

    def send(
        self, connections: list[Connection], event: str, payload: Any, *, ephemeral: bool = False
    ) -> None: ...


class Realtime(Protocol):
    """What a real-time transport offers to own code, whichever it is.

    ``max_message``: the longest message that it takes from a client, in bytes.
    """

    max_message: int

    def send(
        self, connections: list[Connection], event: str, payload: Any, *, ephemeral: bool = False
    ) -> None:
        """Send one event to many connections, encoded once; never waits for a slow reader.

        An ``ephemeral`` one is worth nothing later: it is dropped first for who reads too slowly.
        """
        ...

    def is_open(self, connection: Connection) -> bool:
        """Whether the connection still has its socket; ask again after waiting for anything."""
        ...

    async def drain(self) -> None:
        """Close all sockets when their calls are answered, not all at once."""
        ...

    def on(self, event: str, handler: Callable[[Connection, Any], Awaitable[Any]]) -> None:
        """Answer a client's event: the handler's result is the acknowledgement, ``{error}`` on failure."""
        ...

    async def ask(self, connection: Connection, event: str, data: dict[str, Any]) -> Any:
        """Answer an own event as if this client had sent it. Raises what its handler raises."""
        ...

    def namespace(
        self,
        name: str,
        hear: Callable[[list[Connection], str, Any, bool], None],
        fail: Callable[[Connection, str, Exception], Any],
    ) -> RealtimeNamespace:
        """Take sockets in another namespace too. Raises ValueError for a name that is taken.

        ``hear(connections, event, payload, ephemeral)`` gets what is sent to connections in it, instead of
        them; ``fail(connection, event, error)`` answers an event that has failed.
        """
        ...


class Application(EventEmitter, Publishing):
    """Services by path, and what is common to them.

    Application events: ``connection``, ``disconnect``, ``login``, ``logout``, ``publish``, ``job``,
    ``shutdown``; with sessions ``session-end`` and ``sessions-end``, with the passwords service
    ``password-reset``.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.tasks = Tasks()
        super().__init__(self.tasks)
        self.settings: dict[str, Any] = dict(settings or {})
        self.services: dict[str, Service] = {}
        self.mixins: list[Mixin] = []
        self.observers: list[Observer] = []
        self.publishers = PublisherMap()
        self.publications = Publications(self, self.tasks)
        self.is_set_up = False
        self.is_draining = False
        self.server: object = None
        self.asgi: Asgi | None = None
        self.realtime: Realtime | None = None
        self.backplane: Backplane = Alone()
        self.jobs: Jobs = NoJobs()
        self._channels = ChannelRegistry()
        self._router: Router[Service] = Router()
        self._hooks = HookStore()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.asgi is None:
            raise RuntimeError("the application has no transport: configure rest() or realtime() first")
        await self.asgi(scope, receive, send)

    @property
    def version(self) -> str:
        """Stonechat's, as it is installed."""
        return version("stonechat")

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

        Options: ``methods`` (those that clients may call), ``events`` (custom ones), ``service_events``
        (all that are published, instead of the standard and custom ones), ``wire_events`` (event name →
        name on the wire), ``route_params``; others are free and read by mixins and hooks.

        A service that is registered already, here or in another application, keeps its hooks, listeners
        and publishers at the second path. Without a transport a path may be given to another service.

        Raises TypeError for a path that is no text, ValueError for an object without a service's
        methods, for a path that is taken and for a method name that is not allowed.
        """
        if not isinstance(path, str):  # pyright: ignore[reportUnnecessaryIsInstance] - own code may be untyped
            raise TypeError(f"'{path}' is not a valid service path.")
        if isinstance(service, Application):
            for subpath, sub in service.services.items():
                self.use(f"{strip_path(path)}/{subpath}", sub, **options)
            return self
        location = strip_path(path)
        if location in self.services and self.asgi is not None:
            raise ValueError(f"Path {location} already exists")
        if isinstance(service, Service):
            registered = Service(self, location, service.wrapped, **{**service.declaration(), **options})
            registered.mount(service)
        else:
            registered = Service(self, location, service, **options)
        for mixin in self.mixins:
            mixin(registered, location, registered.options)
        if location in self.services:
            self._forget(self.services[location])
        self._router.add(location, registered)
        self.services[location] = registered
        if self.is_set_up:
            pending = _begin(registered, "setup")
            if inspect.iscoroutine(pending):
                _ = self.tasks.start(pending, name=f"setup {location}")
        return self

    def service(self, path: str) -> Service:
        """Raises LookupError where there is none, unless ``default_service`` makes one."""
        found = self.services.get(path) or self.services.get(strip_path(path))
        if found is None:
            location = strip_path(path)
            self.use(location, self.default_service(location))
            found = self.services[location]
        return found

    def default_service(self, path: str) -> Any:
        """To be overridden: the service to register for a path of own code that has none."""
        raise LookupError(f"Can not find service '{path}'")

    async def unuse(self, path: str) -> Service:
        """Tear the service down and forget it. Raises LookupError where there is none."""
        location = strip_path(path)
        if location not in self.services:
            raise LookupError(f"Can not find service '{location}'")
        service = self.services[location]
        await _lifecycle(service, "teardown")
        self._forget(service)
        del self.services[location]
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
        if len(names) == 1 and isinstance(names[0], str):
            return self._channels.named(names[0])
        return self._channels.channel(
            name for given in names for name in ([given] if isinstance(given, str) else given)
        )

    @property
    def channels(self) -> list[str]:
        return self._channels.names

    def leave_channels(self, connection: Connection) -> None:
        self._channels.leave_all(connection)

    @property
    def events(self) -> tuple[str, ...]:
        """Those that any service publishes; the standard ones in any case."""
        own = (event for service in self.services.values() for event in service.events)
        return tuple(dict.fromkeys((*STANDARD_EVENTS, *own)))

    async def setup(self, server: object = None) -> None:
        """Set the services up, one after the other in the order of registration.

        ``server`` is whatever serves the application, for those who need it there.
        """
        self.server = server

        async def run(_: HookContext) -> None:
            self.is_set_up = True
            for service in list(self.services.values()):
                await _lifecycle(service, "setup")

        await self._with_hooks("setup", run)

    async def teardown(self, server: object = None) -> None:
        """Tear the services down in the same order, then wait for what runs in the background."""
        self.server = server or self.server

        async def run(_: HookContext) -> None:
            for service in list(self.services.values()):
                await _lifecycle(service, "teardown")
            self.is_set_up = False

        try:
            await self._with_hooks("teardown", run)
        finally:
            await self.tasks.close()

    async def listen(self, port: int, host: str = "127.0.0.1") -> Listening:
        """Set up and serve the application until what this returns is closed; port 0 takes a free one.

        Raises OSError where the address is taken, and whatever the set-up raises.
        """
        from .listening import listen  # noqa: PLC0415 - it is built on this module

        return await listen(self, port, host)

    def default_authentication(self, path: str | None = None) -> Service | None:
        """The service that logs users in, where authentication is configured; that at ``path`` if given."""
        if path is not None:
            return self.service(path)
        return self.services.get(self.settings.get("default_authentication", ""))

    def _forget(self, service: Service) -> None:
        self._router.remove(service.path)
        service.unmount()

    async def _with_hooks(self, name: str, run: Step) -> None:
        only = HookStore()
        only.add({name: self._hooks.of("around", name)}, None)
        chain = compile_chain(name, (only,), run)
        await chain(cast("HookContext", LifecycleContext(self, name)))


class LifecycleContext:
    """What an around hook of ``setup`` or ``teardown`` sees."""

    def __init__(self, app: Application, method: str) -> None:
        self.app = app
        self.server = app.server
        self.method = method
        self.type = "around"


async def _lifecycle(service: Service, name: str) -> None:
    pending = _begin(service, name)
    if inspect.isawaitable(pending):
        await pending


def _begin(service: Service, name: str) -> Any:
    """Call ``setup`` or ``teardown`` of the service, if it has it."""
    function = getattr(service.wrapped, name, None)
    return None if function is None else function(service.app, service.path)
