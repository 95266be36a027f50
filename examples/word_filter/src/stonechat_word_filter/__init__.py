"""A Stonechat extension: no message with a listed word gets in, however it is sent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from stonechat import Application, HookContext, errors

from .words import WordList, read_words

__all__ = ["VARIABLE", "configure"]

VARIABLE: Final = "WORD_FILTER_FILE"


def configure(app: Application) -> None:
    """Refuse the words of the setting ``word_filter``, or else those in the file of ``WORD_FILTER_FILE``.

    Goes after the service ``messages``. Raises ValueError if there is no word at all, OSError for
    a file that cannot be read.
    """
    words = WordList(app.get("word_filter") or _words_of_file())
    if not words:
        raise ValueError(f"no words: set {VARIABLE} to a file with one word a line")
    refuse = refuse_words(words)
    app.service("messages").hooks({"before": {"create": [refuse], "patch": [refuse]}})


def refuse_words(words: WordList) -> Callable[[HookContext], None]:
    """A hook that raises BadRequest for content with one of ``words``, and does not say which."""

    def refuse(context: HookContext) -> None:
        data = context.data
        for record in cast("list[dict[str, Any]]", data if isinstance(data, list) else [data]):
            content = record.get("content")
            if isinstance(content, str) and words.occur_in(content):
                reason = "contains a word that is not allowed here"
                raise errors.BadRequest("validation failed", {"errors": {"content": reason}})

    return refuse


def _words_of_file() -> list[str]:
    file = os.environ.get(VARIABLE)
    return read_words(Path(file)) if file else []
