"""``stonechat serve``: until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio

from .. import __version__
from ..core import server
from ..core.application import Application
from ..settings import Settings
from .applications import add_location, application_of
from .running import CommandError, configured


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _serve)
    add_location(options)
    options.add_argument("--host", help="address to listen on; default: http.host of the configuration")
    options.add_argument(
        "--port", type=_port, help="port to listen on, 0 for any free one; default: http.port"
    )
    options.add_argument(
        "--demo", action="store_true", help="make the demo data if it is missing, print its logins"
    )


def _serve(options: argparse.Namespace) -> None:
    if options.demo and options.app is not None:
        raise CommandError("the demo data is the school's: --demo goes without MODULE:APP")
    app, settings = application_of(options)
    logins = _seeded(app, settings) if options.demo else None
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
        if logins is not None:
            print(logins)
        print(f"Stonechat {__version__} is ready: {address}", flush=True)

    with asyncio.Runner(loop_factory=uvicorn_config.get_loop_factory()) as runner:
        runner.run(server.serve(app, listener, uvicorn_config, ready))


def _seeded(app: Application, settings: Settings) -> str:
    from .seed import seeded  # noqa: PLC0415 - other applications load nothing of the school

    return seeded(app, settings)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)
