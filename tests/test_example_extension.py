"""The word filter of ``examples/``, installed as another team's package and found by its entry point."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from stonechat.app import create_app
from stonechat.core.context import Params
from stonechat.core.extensions import ExtensionError
from tests.support.pages import PLAIN_PYTEST
from tests.support.school import Answer, Json, Person, School, serve_school, test_settings

EXAMPLE = Path(__file__).parent.parent / "examples" / "word_filter"
REASON = "contains a word that is not allowed here"

Send = Callable[..., Awaitable[Answer]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed example; needs hatchling beside pip, and no network."""
    folder = tmp_path_factory.mktemp("site")
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *offline, "--target", str(folder), str(EXAMPLE)]
    result = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("words") / "words.txt"
    file.write_text("blast\n")
    return file


@pytest.fixture
def is_installed(installed: Path, words: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(installed), *sys.path])
    monkeypatch.setenv("WORD_FILTER_FILE", str(words))


@pytest.fixture(scope="module")
async def filtered(mongodb_url: str, installed: Path, words: Path) -> AsyncIterator[School]:
    """A school with the extension, which is on the path only while the school is put together."""
    settings = test_settings(mongodb_url, "test_example", extensions={"enabled": ["word_filter"]})
    async with AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "path", [str(installed), *sys.path])
            patch.setenv("WORD_FILTER_FILE", str(words))
            school = await stack.enter_async_context(serve_school(settings))
        yield school


async def over_rest(person: Person, method: str, data: Json, id: str | None = None) -> Answer:
    return await person.rest(method, "messages", id=id, data=data)


async def over_a_socket_call(person: Person, method: str, data: Json, id: str | None = None) -> Answer:
    async with person.socket() as socket:
        return await socket.call(method, "messages", id=id, data=data)


async def over_the_chat_event(person: Person, method: str, data: Json, id: str | None = None) -> Answer:
    assert method == "create"
    async with person.socket() as socket:
        answer = await socket.say("message:send", data)
    if "error" in answer:
        return Answer(answer["error"]["code"], answer["error"])
    return Answer(200, answer["message"])


@pytest.mark.parametrize("send", [over_rest, over_a_socket_call, over_the_chat_event])
async def test_a_listed_word_is_refused_whichever_way_it_is_sent(filtered: School, send: Send) -> None:
    conversation = await filtered.conversation("ada", "ben")
    ada = await filtered.person("ada")

    answer = await send(ada, "create", {"conversationId": conversation, "content": "Oh, Bl\u00e1st!"})

    assert (answer.code, answer.body["errors"]) == (400, {"content": REASON})
    assert await contents(filtered, conversation) == []


@pytest.mark.parametrize("send", [over_rest, over_a_socket_call, over_the_chat_event])
async def test_a_clean_message_passes_whichever_way_it_is_sent(filtered: School, send: Send) -> None:
    conversation = await filtered.conversation("ada", "ben")
    ada = await filtered.person("ada")

    answer = await send(ada, "create", {"conversationId": conversation, "content": "We sandblasted it."})

    assert answer.body["content"] == "We sandblasted it."
    assert await contents(filtered, conversation) == ["We sandblasted it."]


@pytest.mark.parametrize("send", [over_rest, over_a_socket_call])
async def test_an_edit_cannot_bring_a_listed_word_in(filtered: School, send: Send) -> None:
    conversation = await filtered.conversation("ada", "ben")
    message = await filtered.say("ada", conversation, "Oh dear")

    answer = await send(await filtered.person("ada"), "patch", {"content": "Oh blast"}, message["_id"])

    assert (answer.code, answer.body["errors"]) == (400, {"content": REASON})
    assert await contents(filtered, conversation) == ["Oh dear"]


async def test_who_may_not_write_at_all_is_told_that_instead(filtered: School) -> None:
    conversation = await filtered.conversation("ada", "ben")
    data = {"conversationId": conversation, "content": "blast"}

    assert (await over_rest(filtered.nobody, "create", data)).code == 401
    assert (await over_rest(await filtered.person("cleo"), "create", data)).code == 403


@pytest.mark.usefixtures("is_installed")
async def test_a_school_that_does_not_enable_it_is_not_filtered(mongodb_url: str) -> None:
    settings = test_settings(mongodb_url, "test_example_off", extensions={"enabled": []})
    async with serve_school(settings) as school:
        conversation = await school.conversation("ada", "ben")
        await school.say("ada", conversation, "Oh, blast!")
        assert await contents(school, conversation) == ["Oh, blast!"]


@pytest.mark.usefixtures("is_installed")
def test_without_words_the_server_does_not_start(mongodb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORD_FILTER_FILE")

    with pytest.raises(
        ExtensionError, match=r"'word_filter' of stonechat-word-filter failed: .*WORD_FILTER_FILE"
    ):
        create_app(test_settings(mongodb_url, "test_example"))


def test_a_school_cannot_enable_what_is_not_installed(mongodb_url: str) -> None:
    settings = test_settings(mongodb_url, "test_example", extensions={"enabled": ["no_such_package"]})

    with pytest.raises(ExtensionError, match="not installed: no_such_package"):
        create_app(settings)


def test_the_tests_of_the_example_pass() -> None:
    pytest_there = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, **PLAIN_PYTEST}
    result = subprocess.run(
        pytest_there, cwd=EXAMPLE, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


async def contents(school: School, conversation: str) -> list[str]:
    query = {"conversationId": conversation}
    found = await school.app.service("messages").find(Params(query=query, paginate=False))
    return [message["content"] for message in found]
