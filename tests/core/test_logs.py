import asyncio
import io
import json
import logging
import re
from typing import Any

import pytest
import socketio
import structlog

from stonechat.core.logs import (
    SOCKET_LOGGERS,
    LogFormat,
    LogLevel,
    configure_logs,
    new_request_id,
    request_id,
    valid_request_id,
)

pytestmark = pytest.mark.usefixtures("logging_as_before")


class Log:
    def __init__(self, level: LogLevel = "info", format: LogFormat = "json") -> None:
        self._stream = io.StringIO()
        configure_logs(level, format, stream=self._stream)

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


def test_json_has_the_event_its_values_and_a_utc_time() -> None:
    log = Log()
    structlog.get_logger("school").info("message stored", seq=3)
    (event,) = log.events
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", event.pop("timestamp"))
    assert event == {"event": "message stored", "seq": 3, "level": "info", "logger": "school"}


def test_the_console_has_one_line_for_people() -> None:
    log = Log(format="console")
    structlog.get_logger("school").warning("queue is full", pending=256)
    assert len(log.text.splitlines()) == 1
    assert "queue is full" in log.text
    assert "pending=256" in log.text
    assert "\x1b" not in log.text


def test_less_severe_events_are_left_out() -> None:
    log = Log("warning")
    structlog.get_logger("school").info("quiet")
    logging.getLogger("school").info("quiet")
    structlog.get_logger("school").error("loud")
    assert [event["event"] for event in log.events] == ["loud"]


@pytest.mark.parametrize("name", ["uvicorn.error", "uvicorn.access", "starlette", "socketio.server", "other"])
def test_loggers_of_the_standard_library_go_the_same_way_once(name: str) -> None:
    logging.getLogger(name).addHandler(logging.StreamHandler(io.StringIO()))
    log = Log()
    logging.getLogger(name).warning("%s is slow", "disk", extra={"accessToken": "hunter2"})
    (event,) = log.events
    assert event["event"] == "disk is slow"
    assert event["logger"] == name
    assert event["level"] == "warning"
    assert event["accessToken"] == "[redacted]"


def test_the_coloured_copy_of_a_message_is_left_out() -> None:
    log = Log()
    logging.getLogger("uvicorn.error").info(
        "started", extra={"color_message": "\x1b[36mstarted", "port": 3030}
    )
    (event,) = log.events
    assert "color_message" not in event
    assert event["port"] == 3030


def test_a_socket_server_adds_no_handler_of_its_own() -> None:
    Log()
    socketio.AsyncServer(async_mode="asgi")
    assert [name for name in SOCKET_LOGGERS if logging.getLogger(name).handlers] == []


def test_the_driver_is_not_asked_for_commands_at_debug_level() -> None:
    Log("debug")
    assert not logging.getLogger("pymongo.command").isEnabledFor(logging.DEBUG)


@pytest.mark.parametrize("format", ["json", "console"])
def test_secrets_are_redacted_by_their_keys_however_deep(format: LogFormat) -> None:
    log = Log(format=format)
    structlog.get_logger("school").info(
        "login",
        password="hunter2",
        new_password="hunter2",
        clientSecret="hunter2",
        headers={"Authorization": "hunter2", "Set-Cookie": "hunter2", "accept": "json"},
        data=[{"access_token": "hunter2", "email": "a@school.example"}],
    )
    assert "hunter2" not in log.text
    assert "a@school.example" in log.text
    assert log.text.count("[redacted]") == 6


def test_a_traceback_does_not_show_local_variables() -> None:
    for format_ in ("json", "console"):
        log = Log(format=format_)
        try:
            local = "hunter" + str(2)
            dict[int, str]()[len(local)]
        except KeyError:
            structlog.get_logger("school").exception("failed")
        assert "KeyError: 7" in log.text
        assert "hunter2" not in log.text


async def test_events_carry_the_id_of_their_request() -> None:
    log = Log()

    async def handle(name: str) -> None:
        request_id.set(name)
        await asyncio.sleep(0)
        structlog.get_logger("school").info(name)
        logging.getLogger("uvicorn.access").info(name)

    await asyncio.gather(handle("a"), handle("b"))
    structlog.get_logger("school").info("outside")
    *inside, outside = log.events
    assert {(event["event"], event["request_id"]) for event in inside} == {("a", "a"), ("b", "b")}
    assert "request_id" not in outside


def test_a_second_configuration_replaces_the_first() -> None:
    logger = structlog.get_logger("school")
    first = Log()
    logger.info("one")
    second = Log("debug")
    logger.debug("two")
    assert [event["event"] for event in first.events] == ["one"]
    assert [event["event"] for event in second.events] == ["two"]


def test_new_request_ids_are_valid_and_differ() -> None:
    ids = {new_request_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(map(valid_request_id, ids))


@pytest.mark.parametrize("text", ["a", "A-1_b.c", "x" * 64])
def test_an_id_of_safe_characters_is_valid(text: str) -> None:
    assert valid_request_id(text)


@pytest.mark.parametrize("text", ["", "x" * 65, "a b", "a\n", "ä", "a/b", '"'])
def test_any_other_id_is_not(text: str) -> None:
    assert not valid_request_id(text)
