"""AsyncAPI 3.0 of the Socket.IO transport: calls with their acknowledgements, and events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ..application import Application
from ..context import EVENT_OF_METHOD, METHODS_WITH_ID, METHODS_WITHOUT_DATA
from ..service import Service
from .authentication import data_of, own_result, result_of
from .events import OwnEvent
from .schemas import JsonSchema, Schemas, reference
from .services import id_field, takes_many

OWN: Final = "own-events"
FAILED: Final = "failed"
REFUSED: Final = "refused"
ABOUT: Final = """\
Socket.IO, protocol 5, at `/socket.io`. A call is the event `(method, path, ...arguments)` and is acknowledged
with `(null, result)` or `(error)`. Log in by the handshake's `auth: {token}` or by a call of the
authentication service. Payloads of calls and acknowledgements are the lists of their arguments; an event's is
its one argument.
"""


def asyncapi(app: Application, title: str, version: str, events: Iterable[OwnEvent]) -> dict[str, Any]:
    document = Document(app, title, version)
    for path, service in sorted(app.services.items()):
        if service.methods:
            document.add_service(path, service)
    by_namespace: dict[str, list[OwnEvent]] = {}
    for event in events:
        by_namespace.setdefault(event.namespace, []).append(event)
    for namespace, own in by_namespace.items():
        document.add_events(namespace, own)
    return document.as_json()


class Document:
    def __init__(self, app: Application, title: str, version: str) -> None:
        self._app = app
        self._info = {"title": title, "version": version, "description": ABOUT}
        self._schemas = Schemas(title, version)
        self._channels: dict[str, Any] = {}
        self._operations: dict[str, Any] = {}
        error = reference("FeathersError")
        self._messages: dict[str, Any] = {
            FAILED: {"title": "A call failed", "payload": _arguments([error])},
            REFUSED: {
                "title": "An own event failed",
                "payload": _arguments([_object({"error": error}, required=["error"])]),
            },
        }

    def as_json(self) -> dict[str, Any]:
        components: dict[str, Any] = {"schemas": self._schemas.as_json(), "messages": self._messages}
        if self._app.default_authentication() is not None:
            components["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            }
        return {
            "asyncapi": "3.0.0",
            "info": self._info,
            "defaultContentType": "application/json",
            "channels": self._channels,
            "operations": self._operations,
            "components": components,
        }

    def add_service(self, path: str, service: Service) -> None:
        name = _key(path)
        description = service.options.get("description")
        self._add_channel(name, f"/{path}".replace("//", "/"), description)
        for method in service.methods:
            call = {"name": method, "title": f"{method} of {path}", "payload": self._call(service, method)}
            answer = {"title": f"The result of {method}", "payload": self._acknowledged(service, method)}
            self._add(name, f"{method}.call", call)
            self._add(name, f"{method}.result", answer)
            self._operate(
                f"{name}.{method}",
                "receive",
                name,
                f"{method}.call",
                replies=[f"{method}.result", FAILED],
                protected=not service.options.get("public"),
            )
        if own_result(service, self._schemas) is not None:  # of these services no event tells
            return
        emitted = [EVENT_OF_METHOD[method] for method in service.methods if method in EVENT_OF_METHOD]
        for event in dict.fromkeys((*emitted, *service.custom_events)):
            if event not in service.events:
                continue
            custom = event in service.custom_events
            payload = self._schemas.answer(service, event) if custom else self._schemas.result(service)
            wire = service.wire_event(event)
            self._add(name, event, {"name": wire, "title": wire, "payload": payload})
            self._operate(f"{name}.{event}", "send", name, event)

    def add_events(self, namespace: str, events: list[OwnEvent]) -> None:
        channel, about = OWN, "Events that are no service's."
        if namespace:
            channel, about = f"{OWN}.{_key(namespace.strip('/'))}", f"Events of the namespace `{namespace}`."
        self._add_channel(channel, namespace or None, about, failure=REFUSED)
        for event in events:
            key = f"{event.name}.{event.sent_by}"
            message = {
                "name": event.name,
                "title": event.name,
                "summary": event.summary,
                "payload": self._schemas.of(event.payload),
            }
            self._add(channel, key, message)
            if event.sent_by == "server":
                self._operate(f"{channel}.{key}", "send", channel, key)
                continue
            reply = {} if event.reply is None else self._schemas.of(event.reply)
            answer = {"title": f"The answer to {event.name}", "payload": _arguments([reply])}
            self._add(channel, f"{event.name}.answer", answer)
            replies = [f"{event.name}.answer", REFUSED]
            self._operate(f"{channel}.{key}", "receive", channel, key, replies=replies, protected=True)

    def _add_channel(
        self, name: str, title: str | None, description: str | None, *, failure: str = FAILED
    ) -> None:
        self._channels[name] = {"address": None, "title": title or name, "messages": {}}
        if description:
            self._channels[name]["description"] = description
        self._channels[name]["messages"][failure] = {"$ref": f"#/components/messages/{failure}"}

    def _add(self, channel: str, name: str, message: dict[str, Any]) -> None:
        key = f"{channel}.{_key(name)}"
        self._messages[key] = message
        self._channels[channel]["messages"][_key(name)] = {"$ref": f"#/components/messages/{key}"}

    def _operate(
        self,
        name: str,
        action: str,
        channel: str,
        message: str,
        *,
        replies: Iterable[str] = (),
        protected: bool = False,
    ) -> None:
        here = {"$ref": f"#/channels/{channel}"}
        operation: dict[str, Any] = {
            "action": action,
            "channel": here,
            "messages": [_message(channel, message)],
        }
        if replies:
            answers = [_message(channel, reply) for reply in replies]
            operation["reply"] = {"channel": here, "messages": answers}
        if protected and self._app.default_authentication() is not None:
            operation["security"] = [{"$ref": "#/components/securitySchemes/bearer"}]
        self._operations[_key(name)] = operation

    def _call(self, service: Service, method: str) -> JsonSchema:
        """The event's name and its arguments; a query may be left out."""
        arguments: list[JsonSchema] = [{"const": method}, {"type": "string", "examples": [service.path]}]
        if method in METHODS_WITH_ID:
            types = ["string", "integer"]
            if method != "get" and takes_many(service, method):
                types.append("null")
            arguments.append({"type": types, "description": id_field(service) or "id"})
        if method not in METHODS_WITHOUT_DATA:
            arguments.append(data_of(service, method, self._schemas))
        return _arguments([*arguments, self._schemas.query(service, method)], optional=1)

    def _acknowledged(self, service: Service, method: str) -> JsonSchema:
        return _arguments([{"type": "null"}, result_of(service, method, self._schemas)])


def _arguments(items: list[JsonSchema], *, optional: int = 0) -> JsonSchema:
    """A list of exactly these, the last ``optional`` of which may be missing (JSON schema draft 7)."""
    return {
        "type": "array",
        "items": items,
        "additionalItems": False,
        "minItems": len(items) - optional,
        "maxItems": len(items),
    }


def _object(properties: JsonSchema, *, required: Iterable[str] = ()) -> JsonSchema:
    return {"type": "object", "properties": properties, "required": list(required)}


def _message(channel: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{channel}/messages/{_key(name)}"}


def _key(name: str) -> str:
    """Keys of channels and messages are of letters, digits, dots, dashes and underscores only."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in name) or "root"
