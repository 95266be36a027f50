"""Whether a file is what it says it is. Every function blocks, and needs puremagic."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .archives import ArchiveError, check_archive

HEAD: Final = 16 * 1024
PIECE: Final = 256 * 1024
TEXTS: Final = frozenset({"text/plain", "text/csv", "text/markdown"})
CONTROL: Final = bytes(set(range(32)) - set(b"\t\n\v\f\r\b\x1b")) + b"\x7f"

OFFICE: Final[Mapping[str, str]] = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "word/",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xl/",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "ppt/",
    "application/vnd.oasis.opendocument.text": "mimetype",
    "application/vnd.oasis.opendocument.spreadsheet": "mimetype",
    "application/vnd.oasis.opendocument.presentation": "mimetype",
}
"""Documents that are zip files, by what is in them."""

ALSO: Final[Mapping[str, frozenset[str]]] = {
    "video/mp4": frozenset({"audio/mp4", "video/quicktime", "video/x-m4v"}),
    "audio/mp4": frozenset({"video/mp4", "audio/x-m4a", "audio/m4a", "video/quicktime"}),
    "video/quicktime": frozenset({"video/mp4"}),
    "video/webm": frozenset({"video/x-matroska", "application/x-matroska", "audio/webm"}),
    "audio/webm": frozenset({"video/x-matroska", "application/x-matroska", "video/webm"}),
    "audio/mpeg": frozenset({"audio/mp3", "audio/mpeg3", "audio/x-mpeg-3"}),
    "audio/ogg": frozenset({"application/ogg", "video/ogg", "audio/vorbis", "audio/opus"}),
    "audio/wav": frozenset({"audio/x-wav", "audio/wave", "audio/vnd.wave"}),
}
"""What else a type's files are called by who looks at their first bytes: the containers are the same."""


class ContentError(ValueError):
    """Says what is wrong with a file, as in "is not image/png"."""


def check_content(path: Path, media_type: str) -> None:
    """Raises ContentError where the file is of another type, or an archive that unpacks to too much."""
    if media_type in TEXTS:
        _check_text(path, media_type)
        return
    with path.open("rb") as file:
        head = file.read(HEAD)
    if media_type in OFFICE or media_type == "application/zip":
        if not head.startswith(b"PK\x03\x04"):
            raise ContentError(_another(head, media_type))
        _check_archive(path, media_type)
    elif not _known_as(head) & {media_type, *ALSO.get(media_type, ())}:
        raise ContentError(_another(head, media_type))


def _check_archive(path: Path, media_type: str) -> None:
    try:
        names = check_archive(path)
    except ArchiveError as error:
        raise ContentError(f"is an archive that {error}") from None
    part = OFFICE.get(media_type)
    if part is not None and not any(name.startswith(part) for name in names):
        raise ContentError(f"is an archive, and not {media_type}")


def _check_text(path: Path, media_type: str) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                decoder.decode(piece)
                if piece.translate(None, CONTROL) != piece:
                    raise ContentError(f"is not {media_type}: it has bytes that no text has")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise ContentError(f"is not {media_type} in UTF-8") from None


def _known_as(head: bytes) -> set[str]:
    """The types that the first bytes are the likeliest beginning of."""
    from puremagic import PureError, magic_string  # noqa: PLC0415 - it reads its tables when it is imported

    try:
        found = [one for one in magic_string(head) if one.mime_type]
    except (PureError, ValueError):
        return set()
    most = max((one.confidence for one in found), default=0.0)
    return {one.mime_type for one in found if one.confidence == most}


def _another(head: bytes, media_type: str) -> str:
    seems = sorted(_known_as(head))
    if head.startswith(b"#!"):
        seems = ["a script"]
    return f"is not {media_type}" + (f": it looks like {' or '.join(seems[:3])}" if seems else "")
