"""Names of files as they are kept: what a path or a screen could misunderstand is taken out."""

from __future__ import annotations

import re
import unicodedata
from mimetypes import MimeTypes
from typing import Final

LONGEST: Final = 180
"""Bytes of a name."""

UNNAMED: Final = "file"
_TYPES: Final = MimeTypes()  # its own list, and not whatever this machine has installed
_UNSAFE: Final = re.compile(r'[<>:"/\\|?*%]')
_SPACES: Final = re.compile(r"\s+")

SAME: Final = {
    "image/jpg": "image/jpeg",
    "audio/x-wav": "audio/wav",
    "audio/mp4a-latm": "audio/mp4",
    "application/x-zip-compressed": "application/zip",
    "application/vnd.ms-excel": "text/csv",  # what some systems call files that end in .csv
}


def clean_name(name: str) -> str:
    """The last part of a path, without what changes the direction of writing, at most 180 bytes long."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(char for char in last if not unicodedata.category(char).startswith("C"))
    plain = _SPACES.sub(" ", _UNSAFE.sub("_", kept)).strip(" .")
    stem, dot, ending = plain.rpartition(".")
    if not dot or len(ending) > 10:
        stem, ending = plain, ""
    tail = f".{ending}" if ending else ""
    room = LONGEST - len(tail.encode())
    return (stem.encode()[:room].decode(errors="ignore").strip(" .") or UNNAMED) + tail


def ends_otherwise(name: str, media_type: str) -> bool:
    """Whether the ending of a name promises another type; text has any ending."""
    promised, _ = _TYPES.guess_type(f"file.{name.rpartition('.')[2]}") if "." in name else (None, None)
    if promised is None or media_type.startswith("text/"):
        return False
    return SAME.get(promised, promised) != SAME.get(media_type, media_type)
