"""An adapter over the collection of a Beanie model, which validates what is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack, cast

from beanie import Document

from .base import Result
from .collection import Documents, MongoAdapter
from .fields import ModelFields
from .options import AdapterOptions, OptionArguments


class BeanieService(MongoAdapter):
    """Documents of one model, as dicts with the names of its aliases.

    Data of ``create`` and ``update`` is validated by the whole model and gets its defaults, each field
    of a ``patch`` by its annotation. A BadRequest names every field at fault in ``errors``; fields that
    the model does not have are among them. Values of queries get the types of the fields.
    """

    def __init__(self, model: type[Document], **options: Unpack[OptionArguments]) -> None:
        self.model = model
        self._fields = ModelFields(model)
        fields = {**self._fields.coercers, **options.get("fields", {})}
        super().__init__(AdapterOptions.of({**options, "fields": fields}))

    @property
    def collection(self) -> Documents:
        return cast("Documents", cast("Any", self.model).get_pymongo_collection())

    def to_document(self, data: Mapping[str, Any]) -> Result:
        return self._fields.document(data)

    def to_changes(self, data: Mapping[str, Any]) -> Result:
        return self._fields.changes(data)

    def parse_id(self, id: Any) -> Any:
        return self._fields.coercers["_id"](id)
