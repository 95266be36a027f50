"""Transactions of processes that were killed: while they are open, nobody else writes what they wrote."""

from __future__ import annotations

from typing import Any, Final

import structlog
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

logger = structlog.stdlib.get_logger(__name__)

INACTIVE_MICROSECONDS: Final = 500_000
"""A transaction that goes on takes milliseconds from one statement to the next."""


async def end_abandoned(client: AsyncMongoClient[dict[str, Any]], appname: str) -> int:
    """End the open transactions of clients named ``appname`` whose connections are gone; how many there were.

    MongoDB itself ends them after a minute (``transactionLifetimeLimitSeconds``), for a client may come back
    on another connection. Only those of the same database user are seen, which takes no privileges.
    """
    try:
        found = await client.admin.aggregate(
            [
                {"$currentOp": {"allUsers": False, "idleConnections": True, "idleSessions": True}},
                {"$match": {"appName": appname}},
                {"$project": {"type": 1, "connectionId": 1, "lsid": 1, "transaction": 1}},
            ]
        )
        operations = await found.to_list()
        connected = {one["connectionId"] for one in operations if one["type"] == "op"}
        abandoned = [
            {"id": one["lsid"]["id"]}
            for one in operations
            if one["type"] == "idleSession"
            and one["connectionId"] not in connected
            and one["transaction"]["timeInactiveMicros"] > INACTIVE_MICROSECONDS
        ]
        if abandoned:
            await client.admin.command("killSessions", abandoned)
            logger.info("ended the transactions of a process that is gone", transactions=len(abandoned))
    except OperationFailure as error:
        # They end by themselves, only later.
        logger.warning("cannot look for abandoned transactions", reason=error.details)
        return 0
    return len(abandoned)
