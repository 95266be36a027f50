"""What somebody says of oneself beside being there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from ..core.errors import BadRequest
from ..models.status import STATUSES, StatusName

MAX_TEXT: Final = 140
"""Characters of a status's text."""


@dataclass(frozen=True, slots=True)
class Status:
    name: StatusName = "available"
    text: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to tell beyond being online."""
        return self == PLAIN

    @property
    def is_invisible(self) -> bool:
        return self.name == "invisible"

    def told(self) -> dict[str, str]:
        return {"status": self.name, "text": self.text}


PLAIN: Final = Status()


def parse_status(data: Mapping[str, Any]) -> Status:
    """``{status, text?}`` of a client. Raises BadRequest."""
    errors = dict.fromkeys(sorted(set(data) - {"status", "text"}), "Unknown field.")
    name, text = data.get("status"), data.get("text", "")
    if name not in STATUSES:
        errors["status"] = f"must be one of {', '.join(STATUSES)}"
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        errors["text"] = f"must be a text of at most {MAX_TEXT} characters"
    if errors:
        raise BadRequest("validation failed", {"errors": errors})
    return Status(cast("StatusName", name), text)
