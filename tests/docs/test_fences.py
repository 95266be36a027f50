"""What the pages show is run.

For each page of ``docs/*.md`` and ``docs/guides/*.md`` and for the README, in an empty folder:

- ```` ```python ```` is executed. The fences of a page share one namespace, from top to bottom. ``await``
  is allowed outside of functions. ``mongodb_url`` and ``postgres_url`` are there without being defined;
  databases of the former that a page makes are dropped after it. Warnings are errors: close clients.
- ```` ```text ```` right after a python fence is what that one prints; ``...`` in it stands for anything.
- ```` ```LANGUAGE file=PATH ```` is written to that file and not executed. Later fences can import it. Files
  named ``test_*.py`` are run by pytest after the last fence (asyncio_mode=auto, the folder on the path).
- ```` ```json ```` and ```` ```toml ```` must be well-formed.
- Other languages (``sh``, ``js``, ``py``) are left alone: ``py`` is for the rare piece that cannot be run.

``docs/tutorial.md`` has a runner of its own, and ``docs/reference`` is generated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from tests.support.pages import ROOT, PageRun

OWN_RUNNER = {"docs/tutorial.md"}
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in (ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("docs/guides/*.md"))
)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in OWN_RUNNER])
async def test_what_the_page_shows_works(
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mongodb_url: str,
    mongodb: AsyncMongoClient[dict[str, Any]],
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(tmp_path)
    servers = {"mongodb_url": mongodb_url}
    if "(postgres_url)" in (ROOT / page).read_text():
        servers["postgres_url"] = request.getfixturevalue("postgres_url")
    there = set(await mongodb.list_database_names())
    try:
        await PageRun(ROOT / page, tmp_path, **servers).run()
    finally:
        for name in set(await mongodb.list_database_names()) - there:
            await mongodb.drop_database(name)
