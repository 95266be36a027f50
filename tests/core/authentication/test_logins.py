import pytest

from stonechat.core.authentication.logins import LONGEST_DELAY, Logins
from stonechat.core.context import Connection
from stonechat.socket.testing import ManualTime


class Demo:
    def __init__(self) -> None:
        self.time = ManualTime()
        self.expired: list[Connection] = []
        self.logins = Logins(self.expired.append, call_later=self.time.call_later, now=self.now)

    def now(self) -> float:
        return self.time.now().timestamp()


@pytest.fixture
def demo() -> Demo:
    return Demo()


def test_an_unknown_connection_is_not_logged_in_and_closing_it_is_no_matter(demo: Demo) -> None:
    connection = Connection()
    demo.logins.close(connection)
    demo.logins.disconnect(connection)
    assert demo.logins.user_of(connection) is None
    assert demo.logins.of_user("ada") == []


def test_a_user_has_any_number_of_connections(demo: Demo) -> None:
    first, second = Connection(), Connection()
    demo.logins.open(first, "ada", demo.now() + 60)
    demo.logins.open(second, "ada", demo.now() + 60)
    assert demo.logins.of_user("ada") == [first, second]
    demo.logins.close(first)
    assert demo.logins.of_user("ada") == [second]


def test_a_connection_is_told_of_when_its_token_runs_out_and_not_before(demo: Demo) -> None:
    connection = Connection()
    demo.logins.open(connection, "ada", demo.now() + 60)
    demo.time.advance(59)
    assert demo.expired == []
    demo.time.advance(1)
    assert demo.expired == [connection]
    assert len(demo.logins) == 0


def test_a_token_that_has_run_out_already_ends_at_once(demo: Demo) -> None:
    connection = Connection()
    demo.logins.open(connection, "ada", demo.now() - 5)
    demo.time.advance(0)
    assert demo.expired == [connection]


def test_a_far_expiry_is_reached_in_steps(demo: Demo) -> None:
    connection = Connection()
    demo.logins.open(connection, "ada", demo.now() + 2.5 * LONGEST_DELAY)
    assert [timer.due for timer in demo.time.pending] == [LONGEST_DELAY]
    demo.time.advance(2.4 * LONGEST_DELAY)
    assert demo.expired == []
    demo.time.advance(0.1 * LONGEST_DELAY)
    assert demo.expired == [connection]


def test_a_timer_that_fires_too_early_waits_for_the_rest(demo: Demo) -> None:
    connection = Connection()
    demo.logins.open(connection, "ada", demo.now() + 60)
    timer = demo.time.pending.pop()
    timer.callback()
    assert demo.expired == []
    demo.time.advance(60)
    assert demo.expired == [connection]


def test_logging_in_again_replaces_user_and_timer(demo: Demo) -> None:
    connection = Connection()
    demo.logins.open(connection, "ada", demo.now() + 10)
    demo.logins.open(connection, "ben", demo.now() + 100)
    assert (demo.logins.of_user("ada"), demo.logins.user_of(connection)) == ([], "ben")
    demo.time.advance(50)
    assert demo.expired == []


def test_nothing_is_left_of_a_closed_login(demo: Demo) -> None:
    connection = Connection()
    demo.logins.open(connection, "ada", demo.now() + 60)
    demo.logins.disconnect(connection)
    assert (len(demo.logins), demo.logins.users, demo.time.pending) == (0, [], [])


def test_a_login_learns_that_its_connection_has_gone(demo: Demo) -> None:
    connection = Connection()
    demo.logins.begin_login(connection)
    demo.logins.begin_login(connection)
    assert demo.logins.end_login(connection)
    demo.logins.disconnect(connection)
    assert not demo.logins.end_login(connection)
