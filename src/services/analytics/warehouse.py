"""The numbers in PostgreSQL, where a school's own reports read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Column, Date, Identity, MetaData, String, Table, UniqueConstraint
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ...core.adapters.sql import SQLService
from ...core.adapters.sql_errors import sql_errors
from ...core.adapters.sql_types import UtcMoment
from ...core.context import Params
from .counting import start_of_week

METADATA: Final = MetaData()


def _group() -> Column[str]:
    return Column("group_id", String(24, collation="C"), nullable=False)


TOTALS: Final = Table(
    "analytics_messages",
    METADATA,
    Column("group_id", String(24, collation="C"), primary_key=True),
    Column("total_messages", BigInteger, nullable=False, server_default="0"),
    Column("last_message_at", UtcMoment),
)
DAYS: Final = Table(
    "analytics_messages_daily",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    _group(),
    Column("day", Date, nullable=False),
    Column("total_messages", BigInteger, nullable=False),
    UniqueConstraint("group_id", "day"),
)
WEEKS: Final = Table(
    "analytics_messages_weekly",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    _group(),
    Column("week", Date, nullable=False),
    Column("total_messages", BigInteger, nullable=False),
    UniqueConstraint("group_id", "week"),
)


class Warehouse:
    """Three tables, made where they are missing. ``week`` is its Monday; moments are in UTC."""

    def __init__(self, url: str) -> None:
        self._engine: AsyncEngine = create_async_engine(url, pool_size=2, pool_pre_ping=True)
        self._is_there = False
        self._totals = SQLService(self._engine, TOTALS, id="group_id")
        self._days = SQLService(self._engine, DAYS, id="id", multi=True)
        self._weeks = SQLService(self._engine, WEEKS, id="id", multi=True)

    async def copy(self, numbers: Mapping[str, Any]) -> None:
        """Write the totals, and the days and weeks that changed since they were copied last, or all.

        It happens together, and a repeat changes nothing. Raises Unavailable where the database is away.
        """
        await self._make_tables()
        group, until = str(numbers["conversationId"]), numbers["copiedUntil"]
        zone = numbers["timezone"]
        first = "" if until is None else str(start_of_week(until, zone).astimezone(ZoneInfo(zone)).date())
        total = {
            "group_id": group,
            "total_messages": numbers["totalMessages"],
            "last_message_at": numbers["lastMessageAt"],
        }
        days, weeks = (
            [
                {"group_id": group, name: date.fromisoformat(one[name]), "total_messages": one["messages"]}
                for one in numbers[f"{name}s"]
                if one[name] >= first
            ]
            for name in ("day", "week")
        )
        with sql_errors({}):
            async with self._engine.begin() as connection:
                together = Params(transaction=connection)
                if until is None:  # other clocks may have other days
                    for table in (DAYS, WEEKS):
                        await connection.execute(table.delete().where(table.c.group_id == group))
                await self._days.create(days, Params(together, upsert=("group_id", "day")))
                await self._weeks.create(weeks, Params(together, upsert=("group_id", "week")))
                await self._totals.create(total, Params(together, upsert=("group_id",)))

    async def close(self) -> None:
        await self._engine.dispose()

    async def _make_tables(self) -> None:
        if self._is_there:
            return
        with sql_errors({}):
            async with self._engine.begin() as connection:
                await connection.run_sync(METADATA.create_all)
        self._is_there = True
