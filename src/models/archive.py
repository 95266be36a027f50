"""A file with what a database held at one moment: a compressed tar of BSON, its manifest behind it."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from bson import json_util
from pydantic import BaseModel, ConfigDict, ValidationError

from ..core.shapes import is_mapping

KIND: Final = "stonechat-backup"
FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
COMPRESSION: Final = 6
LARGEST_PIECE: Final = 64 * 1024 * 1024
"""More than a batch of MongoDB has, little enough to be held in memory."""

LEFT_OUT: Final = frozenset({"sessions", "leases", "password-resets"})
"""Collections that no archive holds: a session that was ended, or a link that was used, must not revive."""


class ArchiveError(Exception):
    """Why a file cannot be read as an archive."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Piece(Part):
    """Some documents of a collection, one behind the other as BSON."""

    file: str
    documents: int
    sha256: str


class Collection(Part):
    """``indexes`` as MongoDB lists them."""

    name: str
    indexes: list[dict[str, Any]]
    pieces: list[Piece]

    @property
    def documents(self) -> int:
        return sum(piece.documents for piece in self.pieces)


class Manifest(Part):
    """``records`` is the version of the records: see ``upgrade``."""

    kind: Literal["stonechat-backup"] = KIND
    format: Literal[1] = FORMAT
    release: str
    records: int
    at: datetime
    collections: list[Collection]

    @property
    def documents(self) -> int:
        return sum(collection.documents for collection in self.collections)

    @property
    def told(self) -> str:
        return f"{self.documents} records of {self.at:%Y-%m-%d %H:%M:%S} UTC"


class ArchiveWriter:
    """Without ``close`` the file has no manifest, and is no archive."""

    def __init__(self, file: BinaryIO) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION)  # noqa: SIM115

    def add(self, file: str, data: bytes) -> Piece:
        self._write(file, data)
        return Piece(file=file, documents=count(data), sha256=hashlib.sha256(data).hexdigest())

    def close(self, manifest: Manifest) -> None:
        self._write(MANIFEST, json_util.dumps(manifest.model_dump(), indent=2).encode())
        self._tar.close()

    def _write(self, file: str, data: bytes) -> None:
        member = tarfile.TarInfo(file)
        member.size = len(data)
        self._tar.addfile(member, io.BytesIO(data))


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """What is in the file, the manifest too. Raises ArchiveError where it is damaged or of another kind."""
    if path.stat().st_size == 0:
        raise ArchiveError("is empty")
    try:
        with tarfile.open(path, "r:gz") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.size <= LARGEST_PIECE else None
                if content is None:
                    raise ArchiveError("is no backup of Stonechat")
                yield member.name, content.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ArchiveError(f"is damaged: {error}") from None
    except tarfile.TarError as error:
        raise ArchiveError(f"is no backup of Stonechat, or damaged: {error}") from None


def verified(path: Path) -> Manifest:
    """Read the whole file; its manifest, if everything is as that says. Raises ArchiveError."""
    found: dict[str, Piece] = {}
    text: bytes | None = None
    for name, data in members(path):
        if name == MANIFEST:
            text = data
        else:
            found[name] = Piece(file=name, documents=count(data), sha256=hashlib.sha256(data).hexdigest())
    if text is None:
        raise ArchiveError("is no backup of Stonechat, or not all of one: it has no manifest")
    manifest = _manifest(text)
    for piece in (piece for collection in manifest.collections for piece in collection.pieces):
        if found.pop(piece.file, None) != piece:
            raise ArchiveError(f"is damaged: {piece.file} is not what the manifest says")
    if found:
        raise ArchiveError(f"is damaged: the manifest does not know {min(found)}")
    return manifest


def count(data: bytes) -> int:
    """How many documents; each begins with its length. Raises ArchiveError where that cannot be."""
    documents = at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "little", signed=True)
        if length < 5 or at + length > len(data):
            raise ArchiveError("is damaged: there is something else than documents in it")
        at += length
        documents += 1
    return documents


def _manifest(text: bytes) -> Manifest:
    try:
        told: object = json_util.loads(text)
    except ValueError:
        raise ArchiveError("is damaged: its manifest cannot be read") from None
    if not is_mapping(told) or told.get("kind") != KIND:
        raise ArchiveError("is no backup of Stonechat")
    if told.get("format") != FORMAT:
        raise ArchiveError(f"has the format {told.get('format')}, and this release reads {FORMAT}")
    try:
        return Manifest.model_validate(told)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ArchiveError(f"is damaged: its manifest has a wrong {where}") from None
