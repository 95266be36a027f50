"""``stonechat new``: an application, or a service of one."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from .. import __version__
from ..generators import ADAPTERS, new_app, new_service


def add(options: argparse.ArgumentParser) -> None:
    kinds = options.add_subparsers(title="what to make", required=True, metavar="app|service")
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
