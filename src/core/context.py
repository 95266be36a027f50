"""What a hook sees: the parameters of a call and its context."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, cast

if TYPE_CHECKING:
    from .application import Application
    from .service import Service


class Unset(Enum):
    """The type of ``UNSET``: a value nobody has set, which ``None`` is not."""

    UNSET = "unset"

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Final = Unset.UNSET

POSITION_OF_PARAMS: Final = {"find": 0, "update": 2, "patch": 2}
METHODS_WITH_ID: Final = frozenset({"get", "update", "patch", "remove"})
METHODS_WITHOUT_DATA: Final = frozenset({"find", "get", "remove"})
EVENT_OF_METHOD: Final = {"create": "created", "update": "updated", "patch": "patched", "remove": "removed"}
STANDARD_METHODS: Final = ("find", "get", "create", "update", "patch", "remove")


class Params(dict[str, Any]):
    """The parameters of a call: a dict whose keys are attributes too; the usual ones are never missing.

    Only ``query`` (besides id and data) ever comes from a client. ``provider`` names the
    transport; it is None for calls of own code.
    """

    __slots__ = ()

    @property
    def query(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.setdefault("query", {}))

    @query.setter
    def query(self, value: dict[str, Any]) -> None:
        self["query"] = value

    @property
    def provider(self) -> str | None:
        return self.get("provider")

    @property
    def headers(self) -> dict[str, str]:
        """Header values by lower-cased name; empty for calls of own code."""
        return cast("dict[str, str]", self.get("headers") or {})

    @property
    def route(self) -> dict[str, str]:
        return cast("dict[str, str]", self.get("route") or {})

    @property
    def user(self) -> dict[str, Any] | None:
        return self.get("user")

    @property
    def authentication(self) -> dict[str, Any] | None:
        return self.get("authentication")

    @property
    def authenticated(self) -> bool:
        return bool(self.get("authenticated"))

    @property
    def connection(self) -> Connection | None:
        return self.get("connection")

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"params have no '{name}'", name=name, obj=self) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def internal(self, **changes: Any) -> Params:
        """A copy for a nested call of own code: without provider and query, with ``changes``."""
        copy = Params(self)
        copy.pop("provider", None)
        copy.pop("query", None)
        copy.update(changes)
        return copy


class Connection(Params):
    """One live client: mutable, compared and hashed by identity, the same object for its lifetime.

    Its keys are what every call of this client finds in its params.
    """

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    @property
    def id(self) -> str:
        return cast("str", self["id"])


class Http:
    """What the service wants of the HTTP response: status, headers (a list repeats one), location."""

    __slots__ = ("headers", "location", "status")

    def __init__(
        self,
        *,
        status: int | None = None,
        headers: Mapping[str, str | list[str]] | None = None,
        location: str | None = None,
    ) -> None:
        self.status = status
        self.headers: dict[str, str | list[str]] = dict(headers or {})
        self.location = location


class HookContext:
    """One call on its way through the hooks.

    ``type`` is ``before``, ``after`` or ``error`` inside such a hook, else ``around``. Hooks may
    set further attributes; they live as long as the call.
    """

    def __init__(
        self,
        service: Service,
        method: str,
        *,
        id: Any = None,
        data: Any = None,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        self._service = service
        self._method = method
        self.type: Literal["around", "before", "after", "error"] = "around"
        self.id: Any = id
        self.data: Any = data
        self._params = Params() if params is None else _as_params(params)
        self.result: Any = UNSET
        self.dispatch: Any = UNSET
        self.error: BaseException | None = None
        self.original: HookContext | None = None
        self.event: str | None = EVENT_OF_METHOD.get(method)
        self._http: Http | None = None

    @property
    def app(self) -> Application:
        return self._service.app

    @property
    def service(self) -> Service:
        return self._service

    @property
    def path(self) -> str:
        return self._service.path

    @property
    def method(self) -> str:
        return self._method

    @property
    def params(self) -> Params:
        return self._params

    @params.setter
    def params(self, value: Mapping[str, Any]) -> None:
        self._params = _as_params(value)

    @property
    def http(self) -> Http:
        if self._http is None:
            self._http = Http()
        return self._http

    @http.setter
    def http(self, value: Http | Mapping[str, Any]) -> None:
        self._http = value if isinstance(value, Http) else Http(**value)

    @property
    def status_code(self) -> int | None:
        """The older name of ``http.status``."""
        return None if self._http is None else self._http.status

    @status_code.setter
    def status_code(self, value: int | None) -> None:
        self.http.status = value

    @property
    def has_http(self) -> bool:
        """Whether anything touched ``http``; a transport need not look there otherwise."""
        return self._http is not None

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The arguments of the method as it will be called, params last."""
        if self._method in METHODS_WITH_ID:
            if self._method in METHODS_WITHOUT_DATA:
                return (self.id, self.params)
            return (self.id, self.data, self.params)
        return (self.params,) if self._method == "find" else (self.data, self.params)

    @property
    def outcome(self) -> Any:
        """What a client gets: ``dispatch`` where a hook has set one, else ``result``."""
        if self.dispatch is not UNSET:
            return self.dispatch
        return None if self.result is UNSET else self.result

    def to_json(self) -> dict[str, Any]:
        keys = ("path", "method", "type", "id", "data", "params", "event")
        body = {key: getattr(self, key) for key in keys}
        if self.result is not UNSET:
            body["result"] = self.result
        return body

    def snapshot(self) -> HookContext:
        copy = HookContext.__new__(HookContext)
        copy.__dict__.update(self.__dict__)
        return copy


def _as_params(value: Mapping[str, Any]) -> Params:
    return value if isinstance(value, Params) else Params(value)


Hook = Callable[[HookContext], Any]
