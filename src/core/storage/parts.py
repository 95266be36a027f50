"""Uploads on their way: what has arrived of each is kept, so that it can be gone on with."""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from ..errors import Conflict


def place(draft: Path, at: Path) -> None:
    """Make ``draft`` the file ``at``, in one step."""
    while True:
        at.parent.mkdir(parents=True, exist_ok=True)
        # Whoever deletes the last file of a folder takes the folder too.
        with suppress(FileNotFoundError):
            draft.replace(at)
            return


class Part:
    """The beginning of a file, open for one writer; every method blocks."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def place(self, at: Path) -> None:
        """Make it the file ``at``, whole."""
        os.fsync(self._descriptor)
        place(self.path, at)

    def close(self) -> None:
        os.close(self._descriptor)


class Parts:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def size(self, key: str) -> int:
        """How much of an upload has arrived."""
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            return 0

    def open(self, key: str, offset: int | None) -> Part:
        """Go on with an upload at ``offset``, or begin it anew without one.

        Raises Conflict where something else has arrived than ``offset`` bytes, or another request uploads
        the same at this moment.
        """
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _lock(path, descriptor)
            _seek(descriptor, offset)
        except BaseException:
            os.close(descriptor)
            raise
        return Part(path, descriptor)

    def draft(self) -> Path:
        """A name for a file that is to be placed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"draft-{uuid4().hex}"

    def forget(self, before: datetime) -> None:
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()

    def _path(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()


def _lock(path: Path, descriptor: int) -> None:
    is_own = False
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Who held the lock may have made it a stored file meanwhile, which nobody writes to any more.
        is_own = path.stat().st_ino == os.fstat(descriptor).st_ino
    if not is_own:
        raise Conflict("The file is being uploaded by another request", {"code": "UPLOAD_AT_WORK"})


def _seek(descriptor: int, offset: int | None) -> None:
    if offset is None:
        os.ftruncate(descriptor, 0)
    elif (arrived := os.fstat(descriptor).st_size) != offset:
        raise Conflict(f"{arrived} bytes have arrived, not {offset}", {"offset": arrived})
