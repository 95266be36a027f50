#!/usr/bin/env python3
"""Writes ``docs/reference`` from signatures, docstrings, the parser of the command line and the settings.

With ``--check`` nothing is written: pages that are not up to date are named, and the exit code is 1.
Public names without a docstring are named in any case.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

from pydantic import BaseModel

import stonechat
import stonechat.testing
from stonechat import cli
from stonechat.core.configuration import variable_names
from stonechat.settings import Settings, configuration_folder

FOLDER: Final = Path(__file__).parent.parent / "docs" / "reference"
NOTE: Final = "<!-- Made by scripts/reference.py from the code: change it there. -->"

INDEX: Final = """\
- [The public names of `stonechat`](api.md)
- [The public names of `stonechat.testing`](testing.md)
- [The command line](commands.md)
- [The settings of the school chat](settings.md)"""

Page = Iterator[str]


def api(module: types.ModuleType, title: str, start: str) -> Page:
    """The public names of a module, classes first."""
    yield from (NOTE, f"# {title}", start)
    named = {name: getattr(module, name) for name in module.__all__ if not name.startswith("__")}
    classes = {name: one for name, one in named.items() if inspect.isclass(one)}
    functions = {name: one for name, one in named.items() if name not in classes and _is_function(one)}
    modules = {name: one for name, one in named.items() if inspect.ismodule(one)}
    others = named.keys() - classes.keys() - functions.keys() - modules.keys()
    if classes:
        yield "## Classes"
    for name, one in sorted(classes.items()):
        yield from _class(name, one, set(classes.values()))
    if functions:
        yield "## Functions"
    for name, one in sorted(functions.items()):
        yield from (f"### {name}", _fenced(_signature(name, one)), _prose(inspect.getdoc(one)))
    for name, one in sorted(modules.items()):
        yield from (f"## {name}", _prose(inspect.getdoc(one)))
    if others:
        yield "## Other names"
        yield "\n".join(f"- `{name}` is `{_shown(named[name])}`" for name in sorted(others))


def commands() -> Page:
    yield from (NOTE, "# The command line", "`stonechat --help` and `stonechat COMMAND --help` say the same.")
    parser: argparse.ArgumentParser = vars(cli)["_parser"]()
    for name, command in _leaves(parser, "stonechat"):
        yield f"## {name}"
        yield str(command.description)
        rows = [
            f"| `{_cell(_argument(action))}` | {_cell(action.help or '')} |"
            for action in _actions(command)
            if not isinstance(action, argparse._HelpAction)  # noqa: SLF001 - it has no public name
        ]
        if rows:
            yield "\n".join(("| argument | meaning |", "| --- | --- |", *rows))


def settings() -> Page:
    yield NOTE
    yield "# The settings of the school chat"
    yield (
        "Read from `config/default.toml`, `config/<STONECHAT_ENV>.toml`, the file given with `--config` and\n"
        "the variables, later ones first. `stonechat check-config` prints what is in force."
    )
    variables = variable_names(configuration_folder({}))
    for table, field in Settings.model_fields.items():
        default: Any = field.get_default(call_default_factory=True)
        if not isinstance(default, BaseModel):
            continue
        yield f"## {table}"
        yield str(field.description)
        rows = [
            f"| `{key}` | `{value}` | {f'`{variables[key]}`' if key in variables else ''} | {_cell(text)} |"
            for key, value, text in _settings(default, table)
        ]
        head = ("| setting | default | variable | meaning |", "| --- | --- | --- | --- |")
        yield "\n".join((*head, *rows))


def index() -> Page:
    yield from (NOTE, "# Reference", INDEX)


def pages() -> dict[Path, str]:
    start = "A name is loaded when it is used, and nothing of the school with it."
    made = {
        "README.md": index(),
        "api.md": api(stonechat, "The names of `stonechat`", start),
        "testing.md": api(
            stonechat.testing, "The names of `stonechat.testing`", "See the [guide](../guides/testing.md)."
        ),
        "commands.md": commands(),
        "settings.md": settings(),
    }
    return {FOLDER / name: "\n\n".join(part for part in page if part) + "\n" for name, page in made.items()}


def undocumented() -> list[str]:
    """Public classes and functions that say nothing of themselves."""
    return [
        f"{module.__name__}.{name}"
        for module in (stonechat, stonechat.testing)
        for name in module.__all__
        if (inspect.isclass(one := getattr(module, name)) or _is_function(one)) and not _own_doc(one)
    ]


def _class(name: str, one: type[Any], public: set[Any]) -> Page:
    bases = [base.__name__ for base in one.__bases__ if base in public]
    yield f"### {name}"
    yield _fenced(_constructor(name, one))
    yield _prose(_own_doc(one))
    if bases:
        yield f"Has what {' and '.join(f'[{base}](#{base.lower()})' for base in bases)} has."
    inherited = [base for base in one.__mro__[1:] if _is_ours(base) and base not in public]
    yield from _members(one, inherited)


def _members(one: type[Any], inherited: list[type[Any]]) -> Page:
    seen: set[str] = set()
    lines: list[str] = []
    for holder in (one, *inherited):
        for name, member in vars(holder).items():
            if name.startswith("_") or name in seen:
                continue
            seen.add(name)
            text = " ".join((inspect.getdoc(member) or "").split("\n\n")[0].split())
            function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
            if isinstance(member, property):
                lines.append(f"- `{name}`{_after(text)}")
            elif inspect.isfunction(function):
                lines.append(f"- `{_signature(name, function)}`{_after(text)}")
    if lines:
        yield "\n".join(lines)


def _constructor(name: str, one: type[Any]) -> str:
    """The call that makes one, or the fields of a dataclass or typed dict."""
    node = _definition(one)
    own = next(
        (part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"), None
    )
    fields = [ast.unparse(part) for part in node.body if isinstance(part, ast.AnnAssign)]
    if own is None and fields and not issubclass(one, Exception):
        return "\n".join((f"class {name}:", *(f"    {field}" for field in fields)))
    init = one.__init__ if _is_ours(one.__init__) else None
    return f"class {name}" if init is None else f"class {_signature(name, init)}"


def _signature(name: str, function: Any) -> str:
    node = _definition(inspect.unwrap(function))
    arguments = node.args
    listed = [*arguments.posonlyargs, *arguments.args]
    if listed and listed[0].arg in {"self", "cls"}:
        (arguments.posonlyargs or arguments.args).pop(0)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns and name != "__init__" else ""
    prefix = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    returns = "" if returns == " -> None" else returns
    return f"{prefix}{name}({ast.unparse(arguments)}){returns}"


def _definition(one: Any) -> Any:
    source = textwrap.dedent(inspect.getsource(one))
    return cast("Any", ast.parse(source).body[0])


def _leaves(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in _actions(parser):
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - it has no public name
            choices = cast("dict[str, argparse.ArgumentParser]", action.choices)
            for word, sub in choices.items():
                yield from _leaves(sub, f"{name} {word}")
            return
    yield name, parser


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001 - there is no public way to list them


def _argument(action: argparse.Action) -> str:
    value = action.metavar or ("" if action.nargs == 0 else "|".join(map(str, action.choices or ())))
    value = str(value or ("" if action.nargs == 0 else action.dest.upper()))
    if not action.option_strings:
        return f"[{value}]" if action.nargs == "?" else value
    return f"{', '.join(action.option_strings)} {value}".strip()


def _settings(table: BaseModel, above: str) -> Iterator[tuple[str, str, str]]:
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        if isinstance(value, BaseModel):
            yield from _settings(value, f"{above}.{name}")
        else:
            shown = "" if value is None else json.dumps(value, default=str)
            yield f"{above}.{name}", shown or "none", field.description or ""


def _is_function(one: Any) -> bool:
    return inspect.isfunction(inspect.unwrap(one)) if callable(one) else False


def _is_ours(one: Any) -> bool:
    return str(getattr(one, "__module__", "")).startswith("stonechat")


def _own_doc(one: Any) -> str | None:
    """Without what a class has inherited or a dataclass made up."""
    text = vars(one).get("__doc__") if inspect.isclass(one) else inspect.getdoc(one)
    if text is None or (inspect.isclass(one) and text.startswith(f"{one.__name__}(")):
        return None
    return inspect.cleandoc(text)


def _prose(text: str | None) -> str:
    """A docstring as Markdown: what stands indented after ``::`` becomes code by that."""
    lines = (text or "").replace("``", "`").splitlines()
    kept = [re.sub(r"::$", ":", line) for line in lines if line.strip() != "::"]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _after(text: str) -> str:
    return f": {_prose(text)}" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _fenced(code: str) -> str:
    return f"```py\n{code}\n```"


def _shown(value: Any) -> str:
    return re.sub(r"\b(typing|collections\.abc|stonechat(\.\w+)*)\.", "", str(value))


def main() -> int:
    made = pages()
    stale = [page for page, text in made.items() if not page.exists() or page.read_text("utf-8") != text]
    sys.stderr.writelines(f"{name} has no docstring\n" for name in undocumented())
    if "--check" in sys.argv[1:]:
        sys.stderr.writelines(f"docs/reference/{page.name} is not up to date\n" for page in stale)
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for page in stale:
        page.write_text(made[page], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
