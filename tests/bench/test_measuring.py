from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from stonechat import demo
from stonechat.bench import BenchError, Plan, limits_reached, measure
from stonechat.bench.accounts import Account, read_accounts
from stonechat.bench.process import usage
from stonechat.core.context import Params
from tests.support.school import School

SLUGS = {school.name: school.slug for school in demo.SCHOOLS}
NEXT_TO_NO_TIME = Plan(clients=2, conversations=1, rate=20, seconds=0.3)


def line(number: int, password: str = demo.PASSWORD) -> str:
    name, email, _ = list(demo.logins())[number]
    return f"{SLUGS[name]},{email},{password}\n"


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    file = tmp_path / "accounts.csv"
    file.write_text("school,email,password\n" + "".join(line(at) for at in range(len(list(demo.logins())))))
    return file


async def test_a_served_school_is_measured_by_the_accounts_of_a_file(school: School, accounts: Path) -> None:
    plan = replace(NEXT_TO_NO_TIME, clients=4, url=school.url, accounts=accounts, read=1)

    report = await measure(plan)

    assert report.failures() == []
    assert report.figures.errors == {}
    assert report.figures.acknowledged == report.figures.sent == 6
    assert report.figures.delivered == report.figures.read == 6 * 4
    assert report.server_cpu is None  # of another's server nothing is known


async def test_what_was_written_in_is_archived_afterwards(school: School, accounts: Path) -> None:
    _ = await measure(replace(NEXT_TO_NO_TIME, url=school.url, accounts=accounts))

    made = await school.app.service("conversations").find(
        Params(query={"name": "stonechat bench"}, paginate=False)
    )
    assert {talk["archivedAt"] is None for talk in made} == {False}


async def test_a_refused_account_is_named_by_its_line(school: School, tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text(line(0) + line(1, "wrong"))

    with pytest.raises(BenchError, match=r"accounts.csv, line 2: \S+ is refused: Invalid login"):
        _ = await measure(replace(NEXT_TO_NO_TIME, url=school.url, accounts=file))


async def test_a_server_that_is_not_there_is_named(accounts: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(BenchError, match=f"cannot reach {url}: .*refused"):
            _ = await measure(replace(NEXT_TO_NO_TIME, url=url, accounts=accounts))


@pytest.mark.parametrize("url", ["ftp://example.org", "example.org", "http://", "http://host:port"])
async def test_what_is_no_address_is_refused(url: str, accounts: Path) -> None:
    with pytest.raises(BenchError, match="is not an address"):
        _ = await measure(replace(NEXT_TO_NO_TIME, url=url, accounts=accounts))


async def test_a_server_of_others_cannot_be_measured_without_accounts() -> None:
    with pytest.raises(BenchError, match="--accounts"):
        _ = await measure(replace(NEXT_TO_NO_TIME, url="http://127.0.0.1:1"))


def test_a_line_that_is_no_account_is_named(tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("demo,ada@demo.example,secret\n\ndemo,ada\n")

    assert read_accounts(file, 1) == [Account("demo", "ada@demo.example", "secret", f"{file}, line 1")]
    with pytest.raises(BenchError, match="line 3: is not school,email,password"):
        _ = read_accounts(file, 2)


def test_each_client_needs_an_account(accounts: Path) -> None:
    with pytest.raises(BenchError, match="accounts, and 500 clients need one each"):
        _ = read_accounts(accounts, 500)


async def test_more_connections_than_files_can_be_open_are_refused() -> None:
    with pytest.raises(BenchError, match="open files, and the hard limit is"):
        _ = await measure(replace(NEXT_TO_NO_TIME, clients=1_000_000_000))


def test_a_rate_beyond_the_usual_limits_is_told_beforehand(accounts: Path) -> None:
    plan = replace(NEXT_TO_NO_TIME, url="http://school.example", accounts=accounts, rate=1000)

    user, school = limits_reached(plan)

    assert user == "30000 messages a minute of one user, usually 60/minute are let pass"
    assert school.endswith("of one school, usually 4000/minute are let pass")
    assert limits_reached(replace(plan, rate=1)) == []
    assert limits_reached(replace(plan, url=None)) == []


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    assert usage(None) is None
    assert usage(2**22 + 1) is None
