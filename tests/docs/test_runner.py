"""The runner of the pages notices what is wrong in one."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.pages import PageRun, fences, write


async def run(folder: Path, text: str, **names: object) -> PageRun:
    page = folder / "page.md"
    page.write_text(dedent(text))
    page_folder = folder / "empty"
    page_folder.mkdir()
    run = PageRun(page, page_folder, **names)
    await run.run()
    return run


async def test_the_fences_of_a_page_share_their_names(tmp_path: Path) -> None:
    done = await run(
        tmp_path,
        """
        ```python
        from __future__ import annotations
        import asyncio
        async def double(number: Unknown): return given * number
        ```
        ```python
        async def later(number: Unknown): ...
        result = await double(21)
        ```
        """,
        given=2,
    )

    assert done.module.__dict__["result"] == 42
    assert done.module.__name__ not in sys.modules


@pytest.mark.parametrize("shown", ["42", "4...", "\n42\n\n"])
async def test_what_is_shown_is_what_is_printed(tmp_path: Path, shown: str) -> None:
    await run(tmp_path, f"```python\nprint(42)\n```\n\nprints\n\n```text\n{shown}\n```\n")


@pytest.mark.parametrize("printed", ["41", "", "42\\n43"])
async def test_another_output_than_is_shown_is_an_error(tmp_path: Path, printed: str) -> None:
    with pytest.raises(AssertionError, match=r"page\.md:5 is not what is printed"):
        await run(tmp_path, f"```python\nprint('{printed}')\n```\n```text\n42\n```\n")


async def test_an_exception_names_the_line_of_the_page(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        await run(tmp_path, "# A page\n\n```python\none = 1\none / 0\n```\n")

    last = raised.traceback[-1]
    assert (Path(last.path).name, last.lineno + 1) == ("page.md", 5)


async def test_a_file_is_written_and_may_be_imported(tmp_path: Path) -> None:
    done = await run(
        tmp_path,
        """
        ```python file=things/colours.py
        RED = "red"
        ```
        ```python
        from things.colours import RED
        ```
        """,
    )

    assert done.module.__dict__["RED"] == "red"
    assert "things.colours" not in sys.modules


async def test_a_file_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    (fence,) = fences("```text file=../mine.txt\nmine\n```\n")

    with pytest.raises(ValueError, match="outside"):
        write(fence, tmp_path)


@pytest.mark.parametrize(("expected", "passes"), [(2, True), (3, False)])
async def test_tests_that_a_page_shows_are_run(tmp_path: Path, expected: int, *, passes: bool) -> None:
    text = f"```python file=test_sum.py\ndef test_sum() -> None:\n    assert 1 + 1 == {expected}\n```\n"
    if passes:
        await run(tmp_path, text)
    else:
        with pytest.raises(AssertionError, match="test_sum"):
            await run(tmp_path, text)


@pytest.mark.parametrize("text", ["```json\n{'a': 1}\n```\n", "```toml\na = \n```\n"])
async def test_malformed_data_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Invalid"):
        await run(tmp_path, text)


async def test_other_languages_are_left_alone(tmp_path: Path) -> None:
    await run(tmp_path, "```py\nraise AssertionError\n```\n```sh\nfalse\n```\n```text\nfree\n```\n")
