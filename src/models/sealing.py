"""What of a record is its content, and is sealed where the conversation asks for that.

A sealed value is bytes where a clear one is text: nobody can write a text that would be taken for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..core.envelope import DataKey, context_of, version_of

Row = dict[str, Any]


class Form(NamedTuple):
    """The fields of a kind of record that are sealed: ``texts``, and the ``parts`` of each attachment.

    Each is sealed for its field of the one record that the conversation and the ``bound`` fields name.
    """

    kind: str
    bound: tuple[str, ...]
    texts: tuple[str, ...]
    parts: tuple[str, ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        return frozenset((*self.texts, "attachments") if self.parts else self.texts)

    @property
    def needed(self) -> tuple[str, ...]:
        """What has to be read with any of the fields to open it."""
        return ("conversationId", *self.bound)


MESSAGE: Final = Form("message", ("seq", "senderId"), ("content", "fingerprint"), ("name", "url"))
EDIT: Final = Form("edit", ("messageId", "number"), ("content",))
SCHEDULED: Final = Form("scheduled", ("_id", "userId"), ("content",), ("name", "url"))


def sealed_fields(form: Form, record: Mapping[str, Any], key: DataKey) -> Row:
    """Those of the record's fields that say something, sealed; what is sealed already stays so."""

    def seal(value: Any, context: bytes) -> Any:
        return key.seal(value.encode(), context) if isinstance(value, str) else value

    return _with_contents(form, record, seal)


def opened_fields(form: Form, record: Mapping[str, Any], keys: Mapping[int, DataKey]) -> Row:
    """``keys`` by their version. Raises SealError."""

    def open_(value: Any, context: bytes) -> Any:
        if not isinstance(value, bytes):
            return value
        return keys[version_of(value)].open(value, context).decode()

    return _with_contents(form, record, open_)


def versions_in(form: Form, record: Mapping[str, Any]) -> set[int]:
    """Of the keys that seal something of the record. Raises SealError."""
    return {version_of(value) for value in _contents(form, record) if isinstance(value, bytes)}


def is_clear(form: Form, record: Mapping[str, Any]) -> bool:
    """Whether anything of it is not sealed."""
    return any(isinstance(value, str) for value in _contents(form, record))


def _contents(form: Form, record: Mapping[str, Any]) -> Iterator[Any]:
    for name in form.texts:
        yield record.get(name)
    if form.parts:
        for attachment in record.get("attachments") or ():
            for part in form.parts:
                yield attachment.get(part)


def _with_contents(form: Form, record: Mapping[str, Any], work: Callable[[Any, bytes], Any]) -> Row:
    where = (form.kind, *(record[name] for name in form.needed))
    changes: Row = {
        name: work(record[name], context_of(*where, name))
        for name in form.texts
        if record.get(name) is not None
    }
    if form.parts and record.get("attachments"):
        changes["attachments"] = [
            {
                **attachment,
                **{
                    part: work(attachment[part], context_of(*where, "attachments", number, part))
                    for part in form.parts
                    if attachment.get(part) is not None
                },
            }
            for number, attachment in enumerate(record["attachments"])
        ]
    return changes
