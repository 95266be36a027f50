"""Who the clients are: read from a file, and logged in before anything is measured."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .address import Address
from .client import CallError, Client, ConnectError
from .errors import BenchError

LOGINS_AT_ONCE: Final = 4
"""A login costs the server a hash that is made to be slow; more at once only wait for each other."""
COLUMNS: Final = ["school", "email", "password"]


@dataclass(frozen=True, slots=True)
class Account:
    """``where`` tells a person which line it was."""

    school: str
    email: str
    password: str
    where: str


@dataclass(frozen=True, slots=True)
class Login:
    account: Account
    token: str
    user_id: str


def read_accounts(file: Path, wanted: int) -> list[Account]:
    """The first ``wanted`` of the file. Raises BenchError, naming the line, and OSError."""
    accounts: list[Account] = []
    with file.open(newline="", encoding="utf-8") as text:
        rows = csv.reader(text)
        for row in rows:
            columns = [column.strip() for column in row]
            if not any(columns) or columns == COLUMNS:
                continue
            where = f"{file}, line {rows.line_num}"
            if len(columns) != len(COLUMNS) or not all(columns):
                raise BenchError(f"{where}: is not school,email,password")
            accounts.append(Account(columns[0], columns[1], columns[2], where))
            if len(accounts) == wanted:
                return accounts
    raise BenchError(f"{file} has {len(accounts)} accounts, and {wanted} clients need one each")


async def log_in(
    address: Address, accounts: Sequence[Account], tell: Callable[[str], None] = lambda _: None
) -> list[Login]:
    """Raises BenchError for the first account that is refused; none behind it is tried after that."""
    logins: list[Login] = []
    for start in range(0, len(accounts), LOGINS_AT_ONCE):
        some = accounts[start : start + LOGINS_AT_ONCE]
        results = await asyncio.gather(
            *(_log_in(address, account) for account in some), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
            logins.append(result)
        tell(f"logged in {len(logins)} of {len(accounts)}")
    return logins


async def _log_in(address: Address, account: Account) -> Login:
    try:
        client = await Client.open(address, None)
    except ConnectError as error:
        raise BenchError(f"cannot reach {address.url}: {error}") from None
    try:
        result = await client.call(
            "create",
            "authentication",
            {
                "strategy": "local",
                "school": account.school,
                "email": account.email,
                "password": account.password,
            },
        )
    except (CallError, ConnectError) as error:
        raise BenchError(f"{account.where}: {account.email} is refused: {error}") from None
    finally:
        client.close()
    return Login(account, result["accessToken"], result["user"]["_id"])
