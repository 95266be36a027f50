"""Links between the pages lead somewhere, headings included."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.pages import FENCE, ROOT

LINK: Final = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
ELSEWHERE: Final = re.compile(r"[a-z]+:")
HEADING: Final = re.compile(r"^#+ (.*)$", re.MULTILINE)
PAGES: Final = sorted(
    page.relative_to(ROOT).as_posix() for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
)
INDEX: Final = ROOT / "docs" / "README.md"


def prose(page: Path) -> str:
    """The page without what is in its fences, and without what is code in a line."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text("utf-8")))


def links(page: Path) -> list[str]:
    return [match["target"] for match in LINK.finditer(prose(page)) if not ELSEWHERE.match(match["target"])]


def anchors(page: Path) -> set[str]:
    """As the sites that show Markdown name headings."""
    headings = HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    broken: list[str] = []
    for target in links(ROOT / page):
        place, _, anchor = target.partition("#")
        file = (ROOT / page).parent / place if place else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)

    assert broken == []


def test_every_page_is_reached_from_the_index() -> None:
    reached: set[Path] = set()
    waiting = [INDEX]
    while waiting:
        page = waiting.pop().resolve()
        if page in reached:
            continue
        reached.add(page)
        files = [page.parent / target.partition("#")[0] for target in links(page)]
        waiting += [file for file in files if file.suffix == ".md" and file.exists()]

    assert {ROOT / page for page in PAGES if page.startswith("docs/")} - reached == set()
