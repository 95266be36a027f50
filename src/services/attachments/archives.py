"""A look at the directory of a zip file, which says what would come out of it; nothing is unpacked."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Final

END: Final = struct.Struct("<4s4H2LH")
END_MARK: Final = b"PK\x05\x06"
LOCATOR: Final = 20  # bytes, right before the end
LOCATOR_MARK: Final = b"PK\x06\x07"
MAX_COMMENT: Final = 65_535
MAX_ENTRIES: Final = 10_000
MAX_DIRECTORY: Final = 4 * 1024 * 1024  # bytes
MAX_UNPACKED: Final = 1024**3  # bytes
ALWAYS_UNPACKED: Final = 10 * 1024**2
"""So many bytes may come out of however small a file."""

MAX_RATIO: Final = 200
ZIP64: Final = (0xFFFF, 0xFFFFFFFF)


class ArchiveError(ValueError):
    """Says what is wrong with the archive, as in "would unpack to 5000000000 bytes"."""


def check_archive(path: Path) -> list[str]:
    """The names in the archive. Raises ArchiveError for what is none, is damaged, or is a bomb."""
    size = path.stat().st_size
    _check_end(path, size)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise ArchiveError("has a damaged directory") from None
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED or unpacked > max(ALWAYS_UNPACKED, size * MAX_RATIO):
        raise ArchiveError(f"would unpack to {unpacked} bytes, which is too much for its {size}")
    if sum(entry.compress_size for entry in entries) > size:
        raise ArchiveError("has entries that lie over one another")
    return [entry.filename for entry in entries]


def _check_end(path: Path, size: int) -> None:
    """The end of an archive says how large its directory is: that is asked before it is read."""
    with path.open("rb") as file:
        file.seek(max(0, size - MAX_COMMENT - END.size - LOCATOR))
        tail = file.read()
    at = tail.rfind(END_MARK)
    if at < 0 or len(tail) - at < END.size:
        raise ArchiveError("has no directory")
    _, _, _, _, entries, length, start, _ = END.unpack_from(tail, at)
    # Where there is a locator, another end counts, of 64 bits, whatever this one says.
    is_huge = tail[max(0, at - LOCATOR) : at].startswith(LOCATOR_MARK) or entries > MAX_ENTRIES
    if is_huge or entries in ZIP64 or length in ZIP64 or start in ZIP64:
        raise ArchiveError(f"has more than {MAX_ENTRIES} entries")
    if length > MAX_DIRECTORY or start + length > size:
        raise ArchiveError("has a directory that is too large")
