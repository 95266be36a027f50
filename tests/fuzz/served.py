"""The school in a process of its own, so that what it does under fire can be watched from outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from stonechat import demo
from stonechat.core.encoding import decode, encode

READY: Final = re.compile(r"is ready: (http://\S+)")
STARTED_WITHIN: Final = 60.0
SCHOOL: Final = "demo-high"
ROLES: Final[Mapping[str, str]] = {
    "admin": "admin@demo.school",
    "teacher": "rivera@demo.school",
    "student": "ada@demo.school",
}
ID_FIELDS: Final[Mapping[str, str]] = {
    "classId": "classes",
    "userId": "users",
    "memberIds": "users",
    "mentions": "users",
    "conversationId": "conversations",
    "replyTo": "messages",
}

Json = Any


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    process: subprocess.Popen[str]
    log: Path

    def token(self, role: str) -> str:
        data = {"strategy": "local", "email": ROLES[role], "password": demo.PASSWORD}
        return str(self.ask("POST", "/authentication", data)["accessToken"])

    def ask(self, verb: str, location: str, data: Json = None, token: str | None = None) -> Json:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        body = None if data is None else encode(data)
        with urlopen(Request(self.url + location, body, headers, method=verb), timeout=30) as answer:
            return decode(answer.read())

    def ids(self) -> dict[str, list[str]]:
        """The ids of the records of each service, without those of the people who do the fuzzing."""
        token = self.token("admin")
        paths = ("schools", "users", "classes", "class-teachers", "class-enrollments")
        found = {path: self._ids(path, token) for path in paths}
        for path in ("conversations", "members", "messages"):
            found[path] = [one for role in ROLES for one in self._ids(path, self.token(role))]
        return found

    def memory(self) -> int:
        """Resident memory in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def complaints(self) -> list[str]:
        """Lines of the log that tell of a fault of the server."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if "call failed" in line or "Traceback" in line or "[error" in line]

    def _ids(self, path: str, token: str) -> list[str]:
        records = self.ask("GET", f"/{path}?%24limit=200", token=token)["data"]
        return [one["_id"] for one in records if one.get("email") not in ROLES.values()]


@contextmanager
def served_school(folder: Path, **variables: str) -> Generator[Served]:
    """The demo school on a free port; ``variables`` of the environment. Raises RuntimeError."""
    log = folder / "school.log"
    environment = {**os.environ, "STONECHAT_ENV": "test", **variables}
    command = [sys.executable, "-m", "stonechat", "serve", "--demo", "--port", "0"]
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdout is not None
    watchdog = threading.Timer(STARTED_WITHIN, process.kill)
    watchdog.start()
    try:
        found = next((match for line in process.stdout if (match := READY.search(line))), None)
        watchdog.cancel()
        if found is None:
            raise RuntimeError(f"the school did not start:\n{log.read_text()}")
        yield Served(found[1], process, log)
    finally:
        watchdog.cancel()
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()
