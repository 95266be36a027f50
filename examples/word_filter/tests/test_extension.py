from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from stonechat_word_filter import configure

from stonechat import Application, MemoryService, Params, errors, rest, serving


@pytest.fixture
def app() -> Application:
    app = (
        Application()
        .configure(rest())
        .use("messages", MemoryService(multi=True))
        .use("notes", MemoryService())
    )
    app.set("word_filter", ["blast"])
    return app.configure(configure)


async def test_a_new_message_with_a_listed_word_is_refused_without_repeating_it(app: Application) -> None:
    with pytest.raises(errors.BadRequest) as refusal:
        await app.service("messages").create({"content": "Oh, Blast!"})

    assert refusal.value.errors == {"content": "contains a word that is not allowed here"}
    assert "blast" not in str(refusal.value.to_json()).lower()
    assert await messages(app) == []


async def test_one_bad_message_of_several_refuses_them_all(app: Application) -> None:
    with pytest.raises(errors.BadRequest):
        await app.service("messages").create([{"content": "fine"}, {"content": "blast"}])

    assert await messages(app) == []


async def test_an_edit_cannot_bring_the_word_in(app: Application) -> None:
    message = await app.service("messages").create({"content": "Oh dear"})

    with pytest.raises(errors.BadRequest):
        await app.service("messages").patch(message["_id"], {"content": "blást"})

    assert [one["content"] for one in await messages(app)] == ["Oh dear"]


async def test_what_is_no_content_is_let_through(app: Application) -> None:
    message = await app.service("messages").create({"content": "Oh dear"})

    patched = await app.service("messages").patch(message["_id"], {"pinned": True})

    assert patched == {**message, "pinned": True}


async def test_other_services_are_left_alone(app: Application) -> None:
    note = await app.service("notes").create({"content": "blast"})

    assert note["content"] == "blast"


async def test_a_client_is_answered_400(app: Application) -> None:
    async with serving(app) as url, httpx2.AsyncClient(base_url=url) as client:
        refused = await client.post("/messages", json={"content": "blast"})
        accepted = await client.post("/messages", json={"content": "Oh dear"})

    assert (refused.status_code, accepted.status_code) == (400, 201)
    assert set(refused.json()["errors"]) == {"content"}


async def test_the_words_come_from_the_file_that_the_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "words.txt"
    file.write_text("drat it\n")
    monkeypatch.setenv("WORD_FILTER_FILE", str(file))
    app = Application().use("messages", MemoryService()).configure(configure)

    with pytest.raises(errors.BadRequest):
        await app.service("messages").create({"content": "Drat it!"})


def test_without_words_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORD_FILTER_FILE", raising=False)
    app = Application().use("messages", MemoryService())

    with pytest.raises(ValueError, match="WORD_FILTER_FILE"):
        app.configure(configure)


async def messages(app: Application) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await app.service("messages").find(Params(paginate=False))
    return found
