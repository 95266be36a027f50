"""Settings from TOML files and variables, laid one over the other and checked by a pydantic model.

A folder holds the layers, the later ones winning:

1. `default.toml`
2. `<environment>.toml`, the environment being `$STONECHAT_ENV` or `development`
3. one more file, if the caller names one
4. the variables that `environment.toml` names for settings: `[http]` with `port = "STONECHAT_PORT"`

Tables are merged, everything else is replaced. A variable that is empty counts as unset.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeGuard, TypeVar, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)
Table = dict[str, Any]
Key = tuple[str | int, ...]

ENVIRONMENT_VARIABLE = "STONECHAT_ENV"
DEFAULT_ENVIRONMENT = "development"
NOT_ENVIRONMENTS = ("default", "environment")
LISTS = (list, tuple, set, frozenset)


class ConfigurationError(Exception):
    """The settings cannot be used: `problems` says why, a line each, with the setting and where it was set.

    No line quotes the value of a secret.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def load_configuration(
    schema: type[M],
    folder: Path,
    *,
    environment: str | None = None,
    extra: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> M:
    """Read all layers and check them. Raises ConfigurationError.

    Where `schema` has a field `environment`, it gets the environment's name.
    """
    name = environment or environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_ENVIRONMENT
    known = sorted(path.stem for path in folder.glob("*.toml") if path.stem not in NOT_ENVIRONMENTS)
    if name not in known:
        raise ConfigurationError(
            [f"there is no environment {name!r} in {_shown(folder)}; there is {', '.join(known) or 'none'}"]
        )
    layers = _Layers(schema)
    for path in filter(None, (folder / "default.toml", folder / f"{name}.toml", extra)):
        layers.lay(_read(path), _shown(path))
    layers.lay_variables(variable_names(folder), _shown(folder / "environment.toml"), environ)
    if "environment" in schema.model_fields:
        layers.values["environment"] = name
    return layers.check(schema)


def variable_names(folder: Path) -> dict[str, str]:
    """The variable of each setting that has one, by the setting's dotted key. Raises ConfigurationError."""
    path = folder / "environment.toml"
    if not path.exists():
        return {}
    names = {_dotted(key): value for key, value in _leaves(_read(path))}
    if wrong := [key for key, value in names.items() if not isinstance(value, str)]:
        raise ConfigurationError([f"{key}: not the name of a variable ({_shown(path)})" for key in wrong])
    return names


class _Layers:
    """The values so far, and where each came from: `sources[("http", "port")] = "config/test.toml"`."""

    def __init__(self, schema: type[BaseModel]) -> None:
        self.values: Table = {}
        self.sources: dict[Key, str] = {}
        self.problems: list[str] = []
        self.fields = {_dotted(key): field for key, field in _fields(schema)}

    def lay(self, layer: Table, source: str) -> None:
        self._merge(self.values, layer, source, ())

    def lay_variables(self, names: Mapping[str, str], source: str, environ: Mapping[str, str]) -> None:
        for key, variable in names.items():
            text = environ.get(variable, "")
            if key not in self.fields:
                self.problems.append(f"{key}: {self._unknown(key)} ({source})")
            elif text.strip():
                try:
                    value = _converted(text, self.fields[key].annotation)
                except ValueError:
                    self.problems.append(f"{key}: the value is not JSON ({variable})")
                    continue
                for part in reversed(key.split(".")):
                    value = {part: value}
                self.lay(value, variable)

    def check(self, schema: type[M]) -> M:
        problems = self.problems
        try:
            model = schema.model_validate(self.values)
        except ValidationError as error:
            problems = [*problems, *dict.fromkeys(self._problem(detail) for detail in error.errors())]
        else:
            if not problems:
                return model
        # Outside of the handler: pydantic's error quotes values, and must not be this one's context.
        raise ConfigurationError(problems)

    def _merge(self, into: Table, layer: Table, source: str, above: Key) -> None:
        for name, value in layer.items():
            key = (*above, name)
            self.sources[key] = source
            if _is_toml_table(value):
                if not isinstance(into.get(name), dict):
                    into[name] = {}
                self._merge(into[name], value, source, key)
            else:
                into[name] = value

    def _problem(self, detail: ErrorDetails) -> str:
        key = self._key(detail["loc"])
        name = _dotted(key)
        if detail["type"] == "missing":
            return f"{name}: is required, and nothing sets it"
        text = self._unknown(name) if detail["type"] == "extra_forbidden" else self._refusal(name, detail)
        if not key:
            return text
        source = next(
            (self.sources[key[:end]] for end in range(len(key), 0, -1) if key[:end] in self.sources), ""
        )
        return f"{name}: {text} ({source})" if source else f"{name}: {text}"

    def _key(self, location: Key) -> Key:
        """The part of a location that is a key: pydantic adds the names of the members of a union."""
        key: list[str | int] = []
        here: Any = self.values
        for part in location:
            if _is_toml_table(here):
                here = here.get(str(part))
            elif _is_toml_list(here) and isinstance(part, int):
                here = here[part]
            else:
                continue
            key.append(part)
        return tuple(key)

    def _unknown(self, name: str) -> str:
        by_last = {known.rpartition(".")[2]: known for known in self.fields}
        near = difflib.get_close_matches(name, self.fields, n=1, cutoff=0.75) or [
            by_last[last] for last in difflib.get_close_matches(name.rpartition(".")[2], by_last, n=1)
        ]
        return f"unknown setting; did you mean {near[0]}?" if near else "unknown setting"

    def _refusal(self, name: str, detail: ErrorDetails) -> str:
        message, value = detail["msg"], detail["input"]
        if detail["type"] == "model_type":
            return "is not a table"
        if detail["type"] == "value_error":
            return message.removeprefix("Value error, ")
        expected = message.removeprefix("Input should be ")
        if detail["type"] != "literal_error":
            expected = expected.partition(",")[0]
        if isinstance(value, str | int | float) and not _is_secret(self._field(name)):
            shown = repr(value)
        else:
            shown = "the value"
        return f"{shown} is not {expected}" if expected != message else f"{shown}: {message}"

    def _field(self, name: str) -> FieldInfo | None:
        return self.fields.get(name.partition("[")[0])


def _read(path: Path) -> Table:
    problem: str
    try:
        return tomllib.loads(path.read_bytes().decode())
    except UnicodeDecodeError:
        problem = "is not UTF-8"
    except tomllib.TOMLDecodeError as error:
        problem = str(error)
    except OSError as error:
        problem = error.strerror or "cannot be read"
    raise ConfigurationError([f"{_shown(path)}: {problem}"])


def _is_toml_table(value: object) -> TypeGuard[Table]:
    return isinstance(value, dict)


def _is_toml_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _shown(path: Path) -> str:
    """Relative to the working folder where it is inside."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _dotted(key: Key) -> str:
    """`("http", "origins", 0)` is `http.origins[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).removeprefix(".")


def _leaves(table: Table, above: Key = ()) -> Iterator[tuple[Key, Any]]:
    for name, value in table.items():
        if _is_toml_table(value):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value


def _fields(schema: type[BaseModel], above: Key = ()) -> Iterator[tuple[Key, FieldInfo]]:
    for name, field in schema.model_fields.items():
        yield (*above, name), field
        for member in _members(field.annotation):
            if _is_model(member):
                yield from _fields(member, (*above, name))


def _members(annotation: Any) -> Iterator[Any]:
    """The annotation and all it is made of: of `list[str] | None` also `list[str]`, `str` and `None`."""
    yield annotation
    if get_origin(annotation) is not Literal:
        for argument in get_args(annotation):
            yield from _members(argument)


def _is_secret(field: FieldInfo | None) -> bool:
    """Secret by its type, or left out of the model's repr."""
    if field is None or not field.repr:
        return True
    return any(member in (SecretStr, SecretBytes) for member in _members(field.annotation))


def _converted(text: str, annotation: Any) -> Any:
    """The variable's text as pydantic can take it. Raises ValueError for JSON that is none."""
    members = list(_members(annotation))
    words = {word for member in members if get_origin(member) is Literal for word in get_args(member)}
    if text in words:
        return text
    if any((get_origin(member) or member) in LISTS for member in members):
        if text.lstrip().startswith("["):
            return json.loads(text)
        return [part.strip() for part in text.split(",") if part.strip()]
    if any((get_origin(member) or member) is dict or _is_model(member) for member in members):
        return json.loads(text)
    return text


def _is_model(member: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(member, type) and issubclass(member, BaseModel)
