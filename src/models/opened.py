"""An adapter over records with sealed contents, which come out of it opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from beanie import Document

from ..core.adapters.base import Result
from ..core.adapters.beanie import BeanieService
from ..core.adapters.options import OptionArguments
from ..core.adapters.pipeline import Stage
from ..core.context import Params
from ..core.projection import outermost, select_fields
from ..core.query import Query
from .sealing import Form
from .vault import Vault


class OpenedService(BeanieService):
    """Whatever method reads them. Who writes seals them first: it knows the version of the key."""

    def __init__(
        self, model: type[Document], form: Form, vault: Vault, **options: Unpack[OptionArguments]
    ) -> None:
        super().__init__(model, **options)
        self.form = form
        self.vault = vault

    async def _get(self, id: Any, params: Params | None = None) -> Result:
        return await self._opened(await super()._get(id, params), params)

    async def _create(self, data: Any, params: Params | None = None) -> Result | list[Result]:
        return await self._all_opened(await super()._create(data, params), params)

    async def _update(self, id: Any, data: Mapping[str, Any], params: Params | None = None) -> Result:
        return await self._opened(await super()._update(id, data, params), params)

    async def _patch(
        self, id: Any, data: Mapping[str, Any], params: Params | None = None
    ) -> Result | list[Result]:
        return await self._all_opened(await super()._patch(id, data, params), params)

    async def _remove(self, id: Any, params: Params | None = None) -> Result | list[Result]:
        return await self._all_opened(await super()._remove(id, params), params)

    async def _fetch(
        self, query: Query, limit: int, params: Params, pipeline: Sequence[Stage] | None = None
    ) -> list[Result]:
        found = await super()._fetch(query, limit, params, pipeline)
        await self.vault.open(self.form, found)
        if not self._selects_contents(query):
            return found
        return [self._as_selected(record, query) for record in found]

    def _projection(self, query: Query) -> dict[str, int] | None:
        if query.select is None or not self._selects_contents(query):
            return super()._projection(query)
        return dict.fromkeys(outermost([self.id, *query.select, *self.form.needed]), 1)

    async def _opened(self, record: Result, params: Params | None) -> Result:
        await self.vault.open(self.form, [record])
        return self._as_selected(record, self._query(params or Params())) if self.vault.is_ready else record

    async def _all_opened(
        self, result: Result | list[Result], params: Params | None
    ) -> Result | list[Result]:
        if isinstance(result, list):
            return [await self._opened(record, params) for record in result]
        return await self._opened(result, params)

    def _as_selected(self, record: Result, query: Query) -> Result:
        """Without what was read only to open the rest."""
        if query.select is None or not self._selects_contents(query):
            return record
        return select_fields(record, [self.id, *query.select])

    def _selects_contents(self, query: Query) -> bool:
        """Where nothing can be sealed, nothing more is read."""
        if query.select is None or not self.vault.is_ready:
            return False
        return any(name.partition(".")[0] in self.form.fields for name in query.select)
