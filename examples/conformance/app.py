"""The application that Feathers' own suites are run against, with every kind of service.

    stonechat serve examples.conformance.app:app --port 8000

It needs no database of its own: a private MongoDB starts and ends with it.
"""

from __future__ import annotations

from typing import Any

from examples.conformance.accounts import accounts
from examples.conformance.people import people
from examples.conformance.todos import todos
from stonechat import Application, Connection, HookContext, Params, errors, realtime, rest


class Echo:
    """Answers with what has arrived."""

    async def find(self, params: Params) -> dict[str, Any]:
        return {"query": params.query, "route": params.route, "provider": params.provider}

    async def get(self, id: Any, params: Params) -> dict[str, Any]:
        return {"id": id, "query": params.query, "route": params.route}


class Readonly:
    async def find(self, params: Params) -> None:
        return None


def show_message(context: HookContext) -> None:
    """Let clients read the text of any exception, as Feathers does; without this it stays in the log."""
    if not isinstance(context.error, errors.FeathersError):
        context.error = errors.GeneralError(str(context.error))


def everybody(app: Application) -> None:
    """Whoever connects hears of everything."""

    def join(connection: Connection) -> None:
        app.channel("everybody").join(connection)

    app.on("connection", join)
    app.publish(lambda item, context: app.channel("everybody"))


app = Application()
# A suite may make many calls at once on one socket, which Feathers does not limit.
app.configure(rest(origins=["*"])).configure(realtime(origins=["*"], max_pending=10_000))
app.configure(people).configure(todos).configure(accounts).configure(everybody)
app.use("echo/:room/things", Echo()).use("readonly", Readonly())
app.hooks({"error": {"all": [show_message]}})
