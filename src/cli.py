"""The command line: ``stonechat --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from typing import Final

from . import __version__

COMMANDS: Final = {
    "serve": "Serve the school, or another application, until Ctrl-C.",
    "seed": "Make the demo data that is missing.",
    "indexes": "Make the database's indexes and list them.",
    "routes": "List services with their methods, hooks and events.",
    "check-config": "Check the configuration and print what is in force.",
    "audit": "Look after the audit logs.",
    "bench": (
        "Put load on a server and report latencies; exit with 1 where messages were lost or came twice, "
        "or a bound was missed."
    ),
    "recount": (
        "Count anew what is stored of counts; exit with 1 where something is wrong and was not mended."
    ),
    "backup": "Write what the database holds at one moment to a file, while the school goes on.",
    "restore": (
        "Put a backup into an empty database, and check it; exit with 1 where the check finds something."
    ),
    "retention": (
        "Take out the messages that are older than their school keeps them; the server does it every night."
    ),
    "export": "Write an archive of what is kept of a user, with a page in it that explains it.",
    "erase": "Take out of a school everything personal of a user, for good.",
    "rotate-keys": "Wrap the keys of encrypted conversations with the newest master key.",
    "jobs": "List the work that is owed, and what has failed of it.",
    "new": "Make an application, or a service of one.",
}
"""Each is a module of ``commands`` with a function ``add`` for its options."""

FAILURE: Final = 2
INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> None:
    if arguments is None:
        arguments = sys.argv[1:]
    options = _parser(arguments).parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = options.command
    try:
        command(options)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        from .commands.failures import reason_of  # noqa: PLC0415 - it loads the database's driver

        reason = reason_of(error)
        if reason is None:
            raise
        sys.exit(_fail(reason))


def _parser(names: Collection[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Only the named commands have their options: to load what all of them need takes a second."""
    parser = argparse.ArgumentParser(
        prog="stonechat", description="Services, hooks and live events, and the school chat built on them."
    )
    parser.add_argument("--version", action="version", version=f"stonechat {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        options = commands.add_parser(name, help=text, description=text)
        if name in names:
            import_module(f".commands.{name.replace('-', '_')}", __package__).add(options)
    return parser


def _fail(message: str) -> int:
    for line in message.splitlines():
        print(f"stonechat: {line}", file=sys.stderr)
    return FAILURE
