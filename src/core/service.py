"""A registered service: the object that was given to ``app.use``, with hooks and events around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .class_hooks import declared_hooks
from .context import STANDARD_METHODS, UNSET, HookContext, Params
from .events import EventEmitter
from .hooks import HookMap, HookStore, Step, call_method, compile_chain
from .publications import ELSEWHERE, PublisherMap, Publishing, Told
from .shapes import is_list

if TYPE_CHECKING:
    from .application import Application

STANDARD_EVENTS: Final = ("created", "updated", "patched", "removed")
RESERVED: Final = frozenset({"all", "around", "before", "after", "error", "setup", "teardown"})


class ServiceOptions(dict[str, Any]):
    """What ``app.use`` was told besides the service: free keys, read by mixins and hooks.

    The framework's own: ``methods``, ``events``, ``service_events``, ``wire_events``, ``route_params``.
    """


class Service(EventEmitter, Publishing):
    """What ``app.service(path)`` returns; always call a service through it, never the raw object.

    ``methods`` are those a client may call. ``find`` to ``remove`` and ``call`` run the hooks,
    emit the event and return the result.
    """

    def __init__(
        self,
        app: Application,
        path: str,
        wrapped: Any,
        *,
        methods: Iterable[str] | None = None,
        events: Iterable[str] = (),
        service_events: Iterable[str] | None = None,
        wire_events: Mapping[str, str] | None = None,
        route_params: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(app.tasks)
        own = tuple(name for name in STANDARD_METHODS if callable(getattr(wrapped, name, None)))
        self.app = app
        self.path = path
        self.wrapped = wrapped
        self.methods: tuple[str, ...] = own if methods is None else tuple(methods)
        self.custom_events = tuple(dict.fromkeys((*getattr(wrapped, "events", ()), *events)))
        self._events = tuple(service_events or (*STANDARD_EVENTS, *self.custom_events))
        self.wire_events: Mapping[str, str] = wire_events or {}
        self.route_params: Mapping[str, str] = route_params or {}
        self.options = ServiceOptions(options)
        self.hooked: tuple[str, ...] = tuple(dict.fromkeys((*own, *self.methods)))
        self.publishers = PublisherMap()
        self.publisher_maps: tuple[PublisherMap, ...] = (self.publishers, app.publishers)
        self._store = HookStore()
        self._stores: tuple[HookStore, ...] = (declared_hooks(wrapped, self.hooked), self._store)
        self._origin: Service | None = None
        self.mounts: list[Service] = []
        self._chains: dict[str, Step] = {}
        self._check()

    def hooks(self, registration: HookMap) -> Service:
        """Add hooks; see HookStore.add for the forms and errors."""
        self._store.add(registration, self.hooked)
        self.forget_chains()
        return self

    def hook_stores(self) -> tuple[HookStore, ...]:
        """All that run around this service's methods, outermost first."""
        return (self.app.hook_store(), *self._stores)

    def forget_chains(self) -> None:
        """Compose the chains anew at the next call: the application's hooks have changed."""
        self._chains.clear()
        for mount in self.mounts:
            mount.forget_chains()

    def mount(self, origin: Service) -> None:
        """Share the hooks, listeners and publishers of a service that is registered elsewhere."""
        elsewhere = origin.app is not self.app
        self._stores = (*(origin.hook_stores() if elsewhere else origin._stores), self._store)
        self._listeners = origin._listeners
        self.publishers = origin.publishers
        self.publisher_maps = (*origin.publisher_maps, *([self.app.publishers] if elsewhere else []))
        self._origin = origin
        origin.mounts.append(self)

    def unmount(self) -> None:
        """Hear no more of the service that this one was mounted from."""
        if self._origin is not None:
            self._origin.mounts.remove(self)
            self._origin = None

    def declaration(self) -> dict[str, Any]:
        """The options of ``app.use`` that declare this service again, at another path."""
        return {
            **self.options,
            "methods": self.methods,
            "events": self.custom_events,
            "service_events": self._events,
            "wire_events": self.wire_events,
            "route_params": self.route_params,
        }

    @property
    def events(self) -> tuple[str, ...]:
        """Those that are published: the standard ones and the custom ones, or ``service_events``."""
        return self._events

    def wire_event(self, event: str) -> str:
        """The name under which clients get ``event``: ``"<path> <event>"`` unless one is given."""
        return self.wire_events.get(event) or f"{self.path} {event}"

    def emit(self, event: str, *args: Any) -> bool:
        """Tell listeners and, for this service's events, publish ``args[0]`` to the channels.

        The second argument is the context of the call, where there is one.
        """
        heard = super().emit(event, *args)
        if event in self._events:
            context = args[1] if len(args) > 1 and isinstance(args[1], HookContext) else None
            item = args[0] if args else None
            self.announce(event, item, context, self.app.publications.tell_others(self, event, item, context))
        return heard

    def hear(self, event: str, item: Any, context: HookContext) -> None:
        """Tell listeners and connections here of what another node has emitted."""
        super().emit(event, item, context)
        self.announce(event, item, context, ELSEWHERE)

    async def find(self, params: Params | None = None) -> Any:
        return (await self.run(HookContext(self, "find", params=params))).result

    async def get(self, id: Any, params: Params | None = None) -> Any:
        return (await self.run(HookContext(self, "get", id=id, params=params))).result

    async def create(self, data: Any, params: Params | None = None) -> Any:
        return (await self.run(HookContext(self, "create", data=data, params=params))).result

    async def update(self, id: Any, data: Any, params: Params | None = None) -> Any:
        return (await self.run(HookContext(self, "update", id=id, data=data, params=params))).result

    async def patch(self, id: Any, data: Any, params: Params | None = None) -> Any:
        return (await self.run(HookContext(self, "patch", id=id, data=data, params=params))).result

    async def remove(self, id: Any, params: Params | None = None) -> Any:
        return (await self.run(HookContext(self, "remove", id=id, params=params))).result

    async def call(self, method: str, data: Any, params: Params | None = None) -> Any:
        """Call a custom method."""
        return (await self.run(HookContext(self, method, data=data, params=params))).result

    async def run(self, context: HookContext) -> HookContext:
        """Run a call: hooks, method, event. What transports use; returns the same context, with its result.

        Raises whatever a hook or the method raised.
        """
        method = context.method
        chain = self._chains.get(method)
        if chain is None:
            chain = self._chains[method] = self._compile(method)
        await chain(context)
        if context.result is UNSET:
            context.result = None
        if context.event is not None:
            # Set by a transaction that this call has joined: nobody may hear of it before the commit.
            wait = context.params.get("after_commit")
            if wait is None:
                self._emit_result(context.event, context)
            else:
                wait(partial(self._emit_result, context.event, context))
        return context

    def __getattr__(self, name: str) -> Any:
        """Whatever else the raw object has, and its custom methods with their hooks."""
        if name.startswith("__") or "wrapped" not in self.__dict__:
            raise AttributeError(name)
        if name in self.hooked:

            async def custom(data: Any, params: Params | None = None) -> Any:
                return await self.call(name, data, params)

            return custom
        return getattr(self.wrapped, name)

    def _compile(self, method: str) -> Step:
        if method not in self.hooked or not hasattr(self.wrapped, method):
            raise AttributeError(f"service '{self.path}' has no method '{method}'")
        innermost = call_method(getattr(self.wrapped, method), method)
        chain = compile_chain(method, self.hook_stores(), innermost)
        for observer in self.app.observers:
            chain = observer.call(self, method, chain)
        return chain

    def announce(self, event: str, item: Any, context: HookContext | None, told: Told = None) -> None:
        """Publish to the channels of every application that the service is registered in."""
        self.app.publications.publish(self, event, item, context, told)
        for mount in self.mounts:
            mount.announce(event, item, context, told)

    def _emit_result(self, event: str, context: HookContext) -> None:
        if event in self.custom_events:
            return
        for item in context.result if is_list(context.result) else [context.result]:
            self.emit(event, item, context)

    def _check(self) -> None:
        if not self.hooked and not any(hasattr(self.wrapped, name) for name in ("setup", "teardown")):
            raise ValueError(f"Invalid service object passed for path `{self.path}`")
        for name in self.methods:
            taken = name in RESERVED or name in vars(self) or hasattr(Service, name)
            if name not in STANDARD_METHODS and (taken or name.startswith("_")):
                raise ValueError(f"'{name}' on service '{self.path}' is not allowed as a custom method name")
            if not callable(getattr(self.wrapped, name, None)):
                raise ValueError(f"service '{self.path}' lists the method '{name}' but does not have it")


def create_context(
    service: Service, method: str, *, id: Any = None, data: Any = None, params: Params | None = None
) -> HookContext:
    """The context of a call that is to be made: ``await service.run(context)`` makes it.

    For who wants more of a call than its result: ``dispatch``, ``http``, what hooks have left. Raises
    ValueError for a method that the service does not have.
    """
    if method not in service.hooked:
        raise ValueError(f"Can not create context for method {method}")
    return HookContext(service, method, id=id, data=data, params=params)
