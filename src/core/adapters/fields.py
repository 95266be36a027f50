"""What a Beanie model says of its fields: names on the wire, how values are checked and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set as AbstractSet
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeGuard, Union, cast, get_args, get_origin

from beanie import Document
from beanie.odm.utils.dump import get_dict
from beanie.odm.utils.encoder import Encoder
from bson import ObjectId
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    WrapValidator,
)
from pydantic.fields import FieldInfo

from ..coercion import COERCERS, Coercer
from ..errors import BadRequest
from ..shapes import is_list, is_mapping

Errors = dict[str, str]

UNIONS: Final = (Union, UnionType)
VALIDATORS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "before": BeforeValidator,
    "after": AfterValidator,
    "wrap": WrapValidator,
    "plain": PlainValidator,
}


class ModelFields:
    """The fields of a model by their name on the wire and in MongoDB: the alias, ``_id`` for ``id``.

    ``id`` is stored as ``_id`` whatever alias generator the model has; fields excluded from
    serialisation do not exist here.
    """

    def __init__(self, model: type[Document]) -> None:
        self._model = model
        self._fields = dict(_wire_fields(model))
        self._adapters: dict[str, TypeAdapter[Any]] = {}
        kinds = dict(_kinds(model))
        self.coercers = {path: coercer for path, kind in kinds.items() if (coercer := _coercer(kind))}
        self._required_ids = {path for path, kind in kinds.items() if _is_required_id(kind)}

    def document(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Validate a whole record by the model; what is stored, with the defaults. Raises BadRequest."""
        errors = self._refused(data)
        named = {self._fields[name][0]: value for name, value in data.items() if name in self._fields}
        try:
            instance = self._model.model_validate(named, by_alias=True, by_name=True)
        except ValidationError as error:
            raise _invalid({**errors, **_errors(error)}) from error
        if errors:
            raise _invalid(errors)
        keep_nulls = instance.get_settings().keep_nulls
        document: dict[str, Any] = get_dict(instance, to_db=True, keep_nulls=keep_nulls)
        if "id" not in self._fields and (own_id := document.pop("id", None)) is not None:
            document["_id"] = own_id
        return document

    def changes(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Validate single fields, each by its annotation and field validators. Raises BadRequest.

        Validators of the whole model do not run: they have no whole record to look at.
        """
        errors = self._refused(data)
        settings = self._model.get_settings()
        encoder = Encoder(custom_encoders=settings.bson_encoders, to_db=True)
        changes: dict[str, Any] = {}
        for name, value in data.items():
            if name not in self._fields:
                continue
            try:
                valid = self._adapter(name).validate_python(value, by_alias=True, by_name=True)
            except ValidationError as error:
                errors |= _errors(error, name)
            else:
                changes[name] = encoder.encode(valid)
        if errors:
            raise _invalid(errors)
        return changes

    def _refused(self, data: Mapping[str, Any]) -> Errors:
        """What the model itself would let pass: unknown fields, and null for an id.

        Beanie's id type makes a new id of None, so a message would get a sender that nobody is.
        """
        unknown = {name: "unknown field" for name in data if name not in self._fields}
        return unknown | dict.fromkeys(self._null_ids(data), "must be an id")

    def _null_ids(self, value: Any, path: str = "") -> Iterator[str]:
        if is_mapping(value):
            for name, inner in value.items():
                yield from self._null_ids(inner, f"{path}.{name}" if path else name)
        elif is_list(value):
            for element in value:
                yield from self._null_ids(element, path)
        elif value is None and path in self._required_ids:
            yield path

    def _adapter(self, name: str) -> TypeAdapter[Any]:
        if name not in self._adapters:
            self._adapters[name] = _field_adapter(self._model, *self._fields[name])
        return self._adapters[name]


def _wire_fields(model: type[BaseModel]) -> Iterator[tuple[str, tuple[str, FieldInfo]]]:
    for name, field in model.model_fields.items():
        if not field.exclude:
            is_id = name == "id" and issubclass(model, Document)
            yield ("_id" if is_id else field.alias or name), (name, field)


def _field_adapter(model: type[BaseModel], name: str, field: FieldInfo) -> TypeAdapter[Any]:
    validators = [
        VALIDATORS[validator.info.mode](validator.func)
        for validator in model.__pydantic_decorators__.field_validators.values()
        if name in validator.info.fields or "*" in validator.info.fields
    ]
    kind: Any = field.annotation
    has_own_config = _is_model(kind)
    for extra in (*field.metadata, *validators):
        kind = Annotated[kind, extra]
    return TypeAdapter(kind, config=None if has_own_config else model.model_config)


def _kinds(
    model: type[BaseModel], prefix: str = "", outer: tuple[type[BaseModel], ...] = ()
) -> Iterator[tuple[str, Any]]:
    """Annotations by dotted name; a model that contains itself is followed once."""
    for name, (_, field) in _wire_fields(model):
        path, kind = prefix + name, _element_type(field.annotation)
        if not _is_model(kind):
            yield path, field.annotation
        elif kind not in outer:
            yield from _kinds(kind, f"{path}.", (*outer, model))


def _coercer(annotation: Any) -> Coercer | None:
    kind = _element_type(annotation)
    if kind in COERCERS:
        return COERCERS[kind]
    if kind is Any or kind is dict or get_origin(kind) is dict:
        return None
    adapter = TypeAdapter[Any](kind, config={"arbitrary_types_allowed": True})
    encoder = Encoder(to_db=True)
    return lambda value: encoder.encode(adapter.validate_python(value))


def _is_required_id(annotation: Any) -> bool:
    kind = _element_type(annotation)
    may_be_null = get_origin(annotation) in UNIONS and NoneType in get_args(annotation)
    return isinstance(kind, type) and issubclass(kind, ObjectId) and not may_be_null


def _is_model(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _element_type(annotation: Any) -> Any:
    """The type of single values: without None, and of a list that of its elements."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _element_type(arguments[0])
    if origin in UNIONS:
        kinds = [kind for kind in arguments if kind is not NoneType]
        return _element_type(kinds[0]) if len(kinds) == 1 else annotation
    if isinstance(origin, type) and issubclass(origin, Sequence | AbstractSet) and arguments:
        return _element_type(arguments[0])
    return annotation


def _errors(error: ValidationError, field: str | None = None) -> Errors:
    errors: Errors = {}
    for detail in error.errors(include_url=False, include_input=False):
        path = [str(part) for part in detail["loc"]]
        if field is not None:
            path.insert(0, field)
        elif path and path[0] == "id":
            path[0] = "_id"
        context = cast("Mapping[str, Any]", detail.get("ctx", {}))
        own = context.get("error") if detail["type"] in ("value_error", "assertion_error") else None
        errors.setdefault(".".join(path), str(own) if own else detail["msg"])
    return errors


def _invalid(errors: Errors) -> BadRequest:
    return BadRequest("validation failed", {"errors": errors})
