"""OpenAPI 3.1 of the REST transport."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..application import Application
from ..context import METHODS_WITH_ID
from ..errors import BY_CODE
from ..service import Service
from .authentication import data_of, is_authentication, result_of
from .events import OwnRoute
from .parameters import find_parameters, select_parameter
from .schemas import JsonSchema, Schemas, reference
from .services import additions, custom_methods, id_field, takes_many

Operation = dict[str, Any]

BEARER: Final = "bearer"
ABOUT: Final = """\
Every service answers the same methods over REST and over Socket.IO, with the same rules.

Queries are written as `qs` does: `name=Ada`, `age[$gt]=5`, `role[$in][0]=admin`, `$sort[name]=1`,
`$or[0][name]=Ada&$or[1][name]=Ben`. Operators are `$ne`, `$lt`, `$lte`, `$gt`, `$gte`, `$in` and `$nin`.
A query also bounds a call with an id: a record that it does not match is not found.
"""
VERBS: Final = {
    "find": ("get", "Find records of {0}"),
    "get": ("get", "Get a record of {0}"),
    "create": ("post", "Create a record of {0}"),
    "update": ("put", "Replace a record of {0}"),
    "patch": ("patch", "Change a record of {0}"),
    "remove": ("delete", "Remove a record of {0}"),
}
LAST_EVENT_ID: Final = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "For a stream of events: the `id` of the last one that came before it broke.",
    "schema": {"type": "string"},
}
EVENTS: Final = {
    "schema": {
        "type": "string",
        "description": (
            "With `Accept: text/event-stream`: the service's events as they happen, without the query. "
            "`event` is the name, `data` the JSON of what it carries. After `resync` something was missed."
        ),
    }
}
ALWAYS: Final = (400, 429, 500)
OF_A_ROUTE: Final = (*ALWAYS, 401, 403, 404, 405, 409, 413, 422)
OF_METHOD: Final[Mapping[str, tuple[int, ...]]] = {
    "find": (),
    "get": (404,),
    "create": (404, 405, 409, 413),
    "update": (404, 405, 409, 413),
    "patch": (404, 405, 409, 413),
    "remove": (404, 405),
}


def openapi(app: Application, title: str, version: str, routes: Iterable[OwnRoute] = ()) -> dict[str, Any]:
    """The document. Only what clients may call is in it; ``routes`` are those that are no service's."""
    schemas = Schemas(title, version)
    spec = schemas.spec
    spec.options["info"] = {"description": ABOUT}
    spec.options["servers"] = [{"url": "/"}]
    if app.default_authentication() is not None:
        scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        spec.components.security_scheme(BEARER, scheme)
    for status in sorted({*ALWAYS, 401, 403, 422, *(code for codes in OF_METHOD.values() for code in codes)}):
        spec.components.response(BY_CODE[status].name, _error(status))
    for path, service in sorted(app.services.items()):
        if not service.methods:
            continue
        tag = {"name": path}
        if description := service.options.get("description"):
            tag["description"] = description
        spec.tag(tag)
        for location, operations in Paths(service, schemas).operations().items():
            for operation in operations.values():
                operation["responses"] = dict(sorted(operation["responses"].items()))
            spec.path(location, operations=operations)
    for route in routes:
        spec.path(route.path, operations={route.verb.lower(): _own(route, schemas, app)})
    document: dict[str, Any] = spec.to_dict()
    return document


class Paths:
    """The paths of one service: that of its records and that of one record."""

    def __init__(self, service: Service, schemas: Schemas) -> None:
        self._service = service
        self._schemas = schemas
        self._path = "/" + "/".join(
            f"{{{p[1:]}}}" if p[:1] == ":" else p for p in service.path.split("/") if p
        )
        self._route = [_path_parameter(part[1:]) for part in service.path.split("/") if part[:1] == ":"]
        self._id = (id_field(service) or "id").removeprefix("_")

    def operations(self) -> dict[str, dict[str, Operation]]:
        paths: dict[str, dict[str, Operation]] = {}
        service = self._service
        for method, (verb, _) in VERBS.items():
            if method not in service.methods:
                continue
            if method in METHODS_WITH_ID:
                one = f"{self._path.rstrip('/')}/{{{self._id}}}"
                paths.setdefault(one, {})[verb] = self._operation(method, with_id=True)
            if method not in METHODS_WITH_ID or (method != "get" and takes_many(service, method)):
                paths.setdefault(self._path, {})[verb] = self._operation(method, with_id=False)
        if custom_methods(service):
            self._add_custom(paths.setdefault(self._path, {}))
        return paths

    def _operation(self, method: str, *, with_id: bool) -> Operation:
        service = self._service
        parameters = list(self._route)
        if with_id:
            parameters.append(_path_parameter(self._id))
        if method == "find":
            parameters += find_parameters(service, self._schemas)
        elif method == "get":
            parameters += select_parameter(service, self._schemas)
        operation: Operation = {
            "operationId": self._name(method, many=method in METHODS_WITH_ID and not with_id),
            "summary": self._summary(method),
            "tags": [service.path],
            "parameters": parameters,
            "responses": {
                "201" if method == "create" else "200": _answer("The result", self._result(method)),
                **self._errors((*ALWAYS, *OF_METHOD[method])),
            },
            **self._security(),
        }
        if method in {"create", "update", "patch"}:
            operation["requestBody"] = _body([self._data(method)])
        operation = self._with_additions(operation, method)
        if method == "find":
            operation["parameters"].append(LAST_EVENT_ID)
            operation["responses"]["200"]["content"]["text/event-stream"] = EVENTS
        return operation

    def _add_custom(self, operations: dict[str, Operation]) -> None:
        """Custom methods are POSTs to the same path, told apart by a header."""
        service, names = self._service, custom_methods(self._service)
        creates = "create" in service.methods
        post = operations.setdefault(
            "post",
            {
                "operationId": self._name("call"),
                "summary": f"Call {', '.join(names)} of {service.path}",
                "tags": [service.path],
                "parameters": list(self._route),
                "responses": self._errors((*ALWAYS, *OF_METHOD["create"])),
                **self._security(),
            },
        )
        if creates:
            post["summary"] += f", or call {', '.join(names)}"
        post["parameters"].append(
            {
                "name": "X-Service-Method",
                "in": "header",
                "required": not creates,
                "description": "The method to call" + (" instead of create." if creates else "."),
                "schema": {"type": "string", "enum": names},
            }
        )
        bodies = [self._data("create")] if creates else []
        post["requestBody"] = _body([*bodies, *(self._data(name) for name in names)])
        answers = [self._result(name) for name in names]
        described = f"The result of {', '.join(names)}"
        _merge(post["responses"], {"200": _answer(described, _any_of(answers))})
        if {} in answers:
            post["responses"]["204"] = {"description": "The method has no result"}
        post["x-service-methods"] = {
            name: {
                "summary": _first_line(getattr(service.wrapped, name)),
                "requestBody": _body([self._data(name)]),
                "responses": {"200": _answer("The result", self._result(name))},
            }
            for name in names
        }

    def _data(self, method: str) -> JsonSchema:
        return data_of(self._service, method, self._schemas)

    def _result(self, method: str) -> JsonSchema:
        return result_of(self._service, method, self._schemas)

    def _errors(self, statuses: Iterable[int]) -> dict[str, Any]:
        service = self._service
        more: tuple[int, ...] = ()
        if service.app.default_authentication() is not None:
            more = (401,) if service.options.get("public") else (401, 403)
        possible = {*statuses, *more}
        if is_authentication(service):
            possible -= {404, 409}
        return {str(status): BY_CODE[status].name for status in possible}

    def _security(self) -> Operation:
        service = self._service
        if service.options.get("public") or service.app.default_authentication() is None:
            return {}
        return {"security": [{BEARER: []}]}

    def _with_additions(self, operation: Operation, method: str) -> Operation:
        more = additions(self._service, method)
        operation["parameters"] += more.get("parameters", ())
        for status, response in more.get("responses", {}).items():
            if "content" in response:
                told = response
            elif int(status) >= 400:
                told = {**_error(int(status)), **response}
            else:
                told = {**_answer("", self._result(method)), **response}
            _merge(operation["responses"], {status: told})
        return operation

    def _summary(self, method: str) -> str:
        if is_authentication(self._service):
            return {"create": "Log in", "remove": "Log out"}[method]
        return VERBS[method][1].format(self._service.path)

    def _name(self, method: str, *, many: bool = False) -> str:
        name = f"{method}-{self._service.path.replace('/', '-').replace(':', '')}".rstrip("-")
        return f"{name}-many" if many else name


def _own(route: OwnRoute, schemas: Schemas, app: Application) -> Operation:
    """Of what it takes, the placeholders are in the path, the rest in the query or in the body."""
    taken = schemas.of(route.takes)
    properties = schemas.resolved(taken)["properties"]
    placed = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    operation: Operation = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "parameters": [_path_parameter(name) for name in placed],
        "responses": {
            str(route.status): _answer("The result", {}),
            # How it says what has failed is its own.
            **{str(status): {"description": BY_CODE[status].name} for status in OF_A_ROUTE},
        },
    }
    if route.tag:
        operation["tags"] = [route.tag]
    if app.default_authentication() is not None:
        operation["security"] = [{BEARER: []}]
    if route.verb == "GET":
        operation["parameters"] += [
            {"name": name, "in": "query", "schema": part}
            for name, part in properties.items()
            if name not in placed
        ]
    elif set(properties) - set(placed):
        operation["requestBody"] = _body([taken])
    return operation


def _operation_id(route: OwnRoute) -> str:
    words = "-".join(part.strip("{}") for part in route.path.split("/") if part)
    return f"{route.verb.lower()}-{words}"


def _merge(responses: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Two answers of the same status become one that is either."""
    for status, response in more.items():
        known = responses.get(status)
        if not isinstance(known, dict) or "content" not in known or "content" not in response:
            responses[status] = response
            continue
        both = [_schema_of(known), _schema_of(response)]
        text = f"{known['description']}. {response['description']}"
        responses[status] = _answer(text, _any_of(both))


def _schema_of(response: Any) -> JsonSchema:
    schema: JsonSchema = response["content"]["application/json"]["schema"]
    return schema


def _any_of(schemas: list[JsonSchema]) -> JsonSchema:
    distinct = [schema for at, schema in enumerate(schemas) if schema not in schemas[:at]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def _body(schemas: list[JsonSchema]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": _any_of(schemas)}}}


def _answer(description: str, schema: JsonSchema) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _error(status: int) -> dict[str, Any]:
    error = _answer(BY_CODE[status].name, reference("FeathersError"))
    if status == 405:
        error["headers"] = {"Allow": {"description": "What is answered.", "schema": {"type": "string"}}}
    return error


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _first_line(function: Any) -> str:
    return (function.__doc__ or "").strip().partition("\n")[0].replace("``", "`")
