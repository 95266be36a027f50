"""From a plan to a report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from ..core.throttle import parse_limit
from ..settings import Limits
from .accounts import Account, log_in, read_accounts
from .address import Address
from .errors import BenchError
from .load import Load, Tell
from .own_server import own_server
from .plan import Plan
from .process import Processes, allow_open_files
from .report import Report

OTHER_FILES = 256
"""What is open besides the connections."""


async def measure(plan: Plan, tell: Tell = lambda _: None) -> Report:
    """``tell`` is told how far it has come. Raises BenchError, MongodError, OSError."""
    hard = allow_open_files(plan.clients + OTHER_FILES)
    if hard is not None:
        raise BenchError(
            f"{plan.clients} clients need {plan.clients + OTHER_FILES} open files, "
            f"and the hard limit is {hard}: raise it (ulimit -Hn) or take fewer"
        )
    with ExitStack() as stack:
        samples = None if plan.samples is None else stack.enter_context(_writable(plan.samples))
        if plan.url is not None:
            if plan.accounts is None:
                raise BenchError("a server with --url needs the accounts of its people: --accounts FILE")
            accounts = read_accounts(plan.accounts, plan.clients)
            return await _measure(plan, plan.url, accounts, None, samples, tell)
        tell("making a school and starting its server")
        async with own_server(plan.clients) as (url, own, accounts):
            return await _measure(plan, url, accounts, own, samples, tell)


async def _measure(
    plan: Plan,
    url: str,
    accounts: Sequence[Account],
    own: Processes | None,
    samples: TextIO | None,
    tell: Tell,
) -> Report:
    address = Address.of(url)
    load = Load(plan, address, await log_in(address, accounts, tell), own=own, tell=tell)
    began, cpu = time.monotonic(), time.process_time()
    lasted = await load.run(samples)
    own_cpu = (time.process_time() - cpu) / (time.monotonic() - began)
    return Report(plan, load.figures, lasted, own_cpu)


def limits_reached(plan: Plan) -> list[str]:
    """What a server of others refuses of the plan, with the usual limits. Raises BenchError."""
    if plan.url is None or plan.accounts is None:
        return []
    schools = {account.school for account in read_accounts(plan.accounts, plan.clients)}
    usual, reached = Limits(), list[str]()
    for text, whose, share in (
        (usual.messages, "one user", plan.clients),
        (usual.school_messages, "one school", len(schools)),
    ):
        limit = parse_limit(text)
        if plan.rate / share * limit.get_expiry() > limit.amount:
            reached.append(
                f"{plan.rate / share * 60:.0f} messages a minute of {whose}, usually {text} are let pass"
            )
    return reached


def _writable(file: Path) -> TextIO:
    return file.open("w", encoding="utf-8")
