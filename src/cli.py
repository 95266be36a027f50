"""The command line: ``stonechat --help``."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from pymongo.errors import PyMongoError

from . import __version__, demo
from .app import create_app
from .commands import audit, backup, bench, erase, export, recount, restore, retention
from .commands.running import CommandError, Commands, add_command, run_with
from .core import server
from .core.application import Application
from .core.configuration import ConfigurationError
from .core.context import EVENT_OF_METHOD
from .core.extensions import ExtensionError
from .core.hooks import TYPES
from .core.logs import configure_logs
from .core.mongod import MongodError
from .core.service import Service
from .generators import ADAPTERS, GeneratorError, new_app, new_service
from .models import MODELS
from .settings import Settings, load_settings

FAILURE: Final = 2
INTERRUPTED: Final = 130
PASSWORD_IN_URL: Final = re.compile(r"(?<=://)([^/@:]*:)[^/]*(?=@)")
HIDDEN: Final = r"\1**********"


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = options.command
    try:
        command(options)
    except (CommandError, ConfigurationError, ExtensionError, GeneratorError, MongodError) as error:
        sys.exit(_fail(str(error)))
    except PyMongoError as error:
        sys.exit(_fail(f"the database does not answer: {str(error).partition(',')[0]}"))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.exit(_fail(f"{where}{error.strerror or error}"))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stonechat", description="Services, hooks and live events, and the school chat built on them."
    )
    parser.add_argument("--version", action="version", version=f"stonechat {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    add = partial(add_command, commands)
    serve = add("serve", _serve, "Serve the school, or another application, until Ctrl-C.")
    serve.add_argument("app", nargs="?", metavar="MODULE:APP", help="an application; default: the school")
    serve.add_argument("--host", help="address to listen on; default: http.host of the configuration")
    serve.add_argument("--port", type=_port, help="port to listen on, 0 for any free one; default: http.port")
    serve.add_argument(
        "--demo", action="store_true", help="make the demo data if it is missing, print its logins"
    )
    add("seed", _seed, "Make the demo data that is missing.")
    add("indexes", _indexes, "Make the database's indexes and list them.")
    routes = add("routes", _routes, "List services with their methods, hooks and events.")
    routes.add_argument("app", nargs="?", metavar="MODULE:APP", help="an application; default: the school")
    add("check-config", _check_config, "Check the configuration and print what is in force.")
    audit.add(commands)
    bench.add(commands)
    recount.add(commands)
    for module in (backup, restore, retention, export, erase):
        module.add(commands)
    _add_new(commands)
    return parser


def _add_new(commands: Commands) -> None:
    text = "Make an application, or a service of one."
    kinds = commands.add_parser("new", help=text, description=text).add_subparsers(
        title="what to make", required=True, metavar="app|service"
    )
    app = kinds.add_parser(
        "app",
        help="a folder with a small application",
        description="Make the folder NAME with an application, its tests and its checks.",
    )
    app.set_defaults(command=_new_app)
    app.add_argument("name", metavar="NAME", help="of the folder, and of the package in it: my-notes")
    service = kinds.add_parser(
        "service",
        help="a service, inside of an application",
        description="Add a service to the application in this folder or above it, with a test.",
    )
    service.set_defaults(command=_new_service)
    service.add_argument("name", metavar="NAME", help="its path: messages, class-notes")
    service.add_argument(
        "--adapter", choices=ADAPTERS, default="memory", help="where its records are kept; default: memory"
    )
    service.add_argument(
        "--authenticate",
        action="store_true",
        help="only for who is logged in; the first such service brings users and authentication along",
    )


def _serve(options: argparse.Namespace) -> None:
    settings = load_settings(extra=options.config, school=options.app is None)
    app = _application(options.app, settings)
    if options.demo:
        _refuse_production(settings)
        if options.app is not None:
            raise CommandError("the demo data is the school's: --demo goes without MODULE:APP")
        app.configure(demo.seeded)
    host, port = options.host or settings.http.host, options.port
    port = settings.http.port if port is None else port
    try:
        listener = server.bind(host, port)
    except OSError as error:
        raise CommandError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    uvicorn_config = server.config(
        app,
        trusted_proxies=settings.http.trusted_proxies,
    )

    def ready(address: str) -> None:
        if options.demo:
            _print_logins()
        print(f"Stonechat {__version__} is ready: {address}", flush=True)

    with asyncio.Runner(loop_factory=uvicorn_config.get_loop_factory()) as runner:
        runner.run(server.serve(app, listener, uvicorn_config, ready))


def _seed(options: argparse.Namespace) -> None:
    settings = load_settings(extra=options.config)
    _refuse_production(settings)
    made = run_with(create_app(settings, background=False), demo.seed)
    print(f"{made} records made." if made else "Everything is there already.")
    _print_logins()


def _indexes(options: argparse.Namespace) -> None:
    async def read(_: Application) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = []
        for model in MODELS:
            collection = model.documents()
            for name, index in sorted((await collection.index_information()).items()):
                kind = " ".join(word for word in ("unique", "partialFilterExpression") if word in index)
                keys = ", ".join(f"{field}:{order}" for field, order in index["key"])
                rows.append((collection.name, name, keys, kind.replace("FilterExpression", "")))
        return rows

    rows = run_with(create_app(load_settings(extra=options.config), background=False), read)
    _print_table(("COLLECTION", "INDEX", "KEYS", "KIND"), rows)


def _routes(options: argparse.Namespace) -> None:
    app = _application(options.app, load_settings(extra=options.config, school=options.app is None))
    rows = [
        (
            f"/{path}".replace("//", "/"),
            " ".join(service.methods),
            _hook_counts(app, service),
            " ".join(service.wire_event(event) for event in _emitted(service)),
        )
        for path, service in sorted(app.services.items())
    ]
    _print_table(("SERVICE", "METHODS", "HOOKS", "EVENTS"), rows)


def _check_config(options: argparse.Namespace) -> None:
    settings = load_settings(extra=options.config)
    for table, values in settings.model_dump(mode="json").items():
        if not isinstance(values, dict):
            print(f"{table} = {values}")
            continue
        for name, value in cast("dict[str, Any]", values).items():
            print(f"{table}.{name} = {PASSWORD_IN_URL.sub(HIDDEN, str(value))}")


def _new_app(options: argparse.Namespace) -> None:
    release = ".".join(__version__.split(".")[:2])
    _print_written(Path(options.name), new_app(options.name, Path.cwd(), release))
    print(f"Next: cd {options.name}, then 'stonechat new service NAME', 'make test' and 'make run'.")


def _new_service(options: argparse.Namespace) -> None:
    folder, files = new_service(
        options.name, Path.cwd(), adapter=options.adapter, authenticate=options.authenticate
    )
    _print_written(Path(os.path.relpath(folder)), files)
    print("Next: say in its schema.py what the records are, then 'make test' and 'make check'.")


def _print_written(folder: Path, files: Iterable[Path]) -> None:
    for file in files:
        print(f"  wrote {folder / file}")


def _application(location: str | None, settings: Settings) -> Application:
    if location is None:
        return create_app(settings)
    configure_logs(settings.logs.level, settings.logs.format)
    module_name, _, attribute = location.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        app = getattr(importlib.import_module(module_name), attribute or "app")
    except (ImportError, AttributeError) as error:
        raise CommandError(f"cannot load {location}: {error}") from None
    if not isinstance(app, Application):
        raise CommandError(f"{location} is not a Stonechat application")
    return app


def _refuse_production(settings: Settings) -> None:
    if settings.environment == "production":
        raise CommandError("demo data is not for production: its passwords are known to everybody")


def _hook_counts(app: Application, service: Service) -> str:
    stores = service.hook_stores()
    counts = {
        kind: sum(len(store.of(kind, name)) for store in stores for name in ("all", *service.methods))
        for kind in TYPES
    }
    return " ".join(f"{kind}:{count}" for kind, count in counts.items() if count)


def _emitted(service: Service) -> Iterable[str]:
    standard = (EVENT_OF_METHOD[method] for method in service.methods if method in EVENT_OF_METHOD)
    return (*standard, *service.custom_events)


def _print_logins() -> None:
    print(f"Demo logins, password {demo.PASSWORD}:")
    for school, email, role in demo.logins():
        print(f"  {email:<20} {role:<8} {school}")


def _print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def _fail(message: str) -> int:
    for line in message.splitlines():
        print(f"stonechat: {line}", file=sys.stderr)
    return FAILURE
