"""The keys of conversations, and all that is sealed and opened with them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import structlog
from beanie import PydanticObjectId
from pydantic import SecretStr

from ..core.application import Application
from ..core.configuration import ConfigurationError
from ..core.envelope import DataKey, MasterKeys, SealError, Wrapped, context_of, new_key
from ..core.errors import GeneralError
from .conversation import PREVIEW, Conversation
from .encryption_key import EncryptionKey
from .sealing import MESSAGE, Form, Row, opened_fields, sealed_fields, versions_in

KEPT: Final = 4096
"""So many unwrapped keys are kept in memory: those that were used last."""

KNOWN: Final = 20_000
"""Of so many conversations it is known whether they are encrypted: of those that were written in last."""

SETTING: Final = "encryption.master_keys"

KeyId = tuple[PydanticObjectId, int]

logger = structlog.stdlib.get_logger(__name__)


class Vault:
    """Seals what goes into the database and opens what comes out of it.

    Whatever reads or writes contents past a service calls it too. What is not sealed costs no statement.
    """

    def __init__(self, masters: MasterKeys, *, kept: int = KEPT) -> None:
        self._masters = masters
        self._kept = kept
        # _keys[conversationId, version], the one used last at the end
        self._keys: OrderedDict[KeyId, DataKey] = OrderedDict()
        # _encrypted[conversationId] = whether it was when it was last written in here
        self._encrypted: OrderedDict[PydanticObjectId, bool] = OrderedDict()

    @property
    def is_ready(self) -> bool:
        """Whether there is a master key, without which nothing is sealed."""
        return self._masters.newest is not None

    @property
    def newest(self) -> str | None:
        """The id of the master key that wraps what is new."""
        return self._masters.newest

    @property
    def kept(self) -> int:
        """How many unwrapped keys are in memory."""
        return len(self._keys)

    def is_plain(self, conversation_id: Any) -> bool:
        """Whether the conversation is not encrypted, as far as is known here; False tells nothing."""
        return not self.is_ready or self._encrypted.get(conversation_id) is False

    def note(self, conversation_id: Any, version: int) -> None:
        """Remember whether it is encrypted: with 0 it is not."""
        if self.is_ready:
            self._encrypted[conversation_id] = bool(version)
            self._encrypted.move_to_end(conversation_id)
            if len(self._encrypted) > KNOWN:
                self._encrypted.popitem(last=False)

    async def version_of(self, conversation_id: Any) -> int:
        """The version that the conversation's contents are to be sealed with now, 0 for none."""
        if not self.is_ready:
            return 0
        found = await Conversation.documents().find_one({"_id": conversation_id}, {"keyVersion": 1})
        return 0 if found is None else found.get("keyVersion", 0)

    async def seal(self, form: Form, record: Mapping[str, Any], version: int) -> Row:
        """The fields of the record that say something, as they are to be stored; none for version 0.

        Raises GeneralError where the key cannot be had.
        """
        if not version:
            return {}
        own_id = record["conversationId"], version
        try:
            return sealed_fields(form, record, (await self._fetch({own_id}))[own_id])
        except SealError as error:
            raise _refused(own_id[0], error) from error

    async def open(self, form: Form, records: Iterable[Row]) -> None:
        """Open, in the records, what is sealed. Raises GeneralError, and leaves them as they are."""
        sealed: list[tuple[Row, set[int]]] = []
        here: Any = None
        try:
            for record in records:
                here = record.get("conversationId")
                if versions := versions_in(form, record):
                    sealed.append((record, versions))
            if not sealed:
                return
            keys = await self._fetch(
                {(one["conversationId"], version) for one, its in sealed for version in its}
            )
            opened: list[Row] = []
            for record, versions in sealed:
                here = record["conversationId"]
                opened.append(
                    opened_fields(form, record, {version: keys[here, version] for version in versions})
                )
        except SealError as error:
            raise _refused(here, error) from error
        for (record, _), fields in zip(sealed, opened, strict=True):
            record.update(fields)

    async def open_previews(self, conversations: Iterable[Row]) -> None:
        """Open what the conversations show of their newest messages.

        One that cannot be opened shows nothing, or nobody would see a list that has it.
        """
        for conversation in conversations:
            last = conversation.get("lastMessage")
            if not last or not isinstance(last.get("content"), bytes):
                continue
            message = {**last, "conversationId": conversation["_id"]}
            last["content"] = None
            if not last.keys() >= set(MESSAGE.bound):
                continue  # who selects the content alone
            with suppress(GeneralError):
                await self.open(MESSAGE, [message])
                last["content"] = message["content"][:PREVIEW]

    def new_key(self, owner_id: Any, version: int) -> tuple[DataKey, Row]:
        """A key for a conversation, or whatever has the id, and the fields that hold it, wrapped."""
        key = new_key()
        master_id, data = self._masters.wrap(key, _context(owner_id, version))
        return DataKey(version, key), {"masterId": master_id, "wrapped": data}

    def key_in(self, record: Mapping[str, Any], owner_id: Any, version: int) -> DataKey:
        """The key that ``new_key`` has made and the record holds. Raises SealError."""
        wrapped = Wrapped(record["masterId"], record["wrapped"])
        return DataKey(version, self._masters.unwrap(wrapped, _context(owner_id, version)))

    def rewrapped(self, record: Mapping[str, Any], owner_id: Any, version: int) -> Row:
        """The fields that hold the key, wrapped by the newest master key. Raises SealError."""
        context = _context(owner_id, version)
        key = self._masters.unwrap(Wrapped(record["masterId"], record["wrapped"]), context)
        master_id, data = self._masters.wrap(key, context)
        return {"masterId": master_id, "wrapped": data}

    async def check(self) -> None:
        """Raises ConfigurationError where a master key that is needed is missing, or is another one."""
        problems: list[str] = []
        keys = EncryptionKey.documents()
        for master_id in await keys.distinct("masterId"):
            record = await keys.find_one({"masterId": master_id})
            if record is None:
                continue
            try:
                self.key_in(record, record["conversationId"], record["version"])
            except SealError:
                has = "is another key than" if master_id in self._masters.ids else "is missing:"
                problems.append(f"{SETTING}: {master_id!r} {has} the one that encrypted conversations need")
        if problems:
            raise ConfigurationError(problems)

    async def _fetch(self, wanted: Collection[KeyId]) -> dict[KeyId, DataKey]:
        """One statement for all that are not in memory. Raises SealError."""
        found = {own_id: self._keys[own_id] for own_id in wanted if own_id in self._keys}
        if missing := set(wanted) - found.keys():
            here, versions = {one[0] for one in missing}, {one[1] for one in missing}
            conditions = {"conversationId": {"$in": list(here)}, "version": {"$in": list(versions)}}
            async for record in EncryptionKey.documents().find(conditions):
                own_id = record["conversationId"], record["version"]
                if own_id in missing:
                    found[own_id] = self.key_in(record, *own_id)
        if absent := set(wanted) - found.keys():
            raise SealError(f"version {min(absent)[1]} of the conversation's key is not there")
        self._keep(found)
        return found

    def _keep(self, keys: Mapping[KeyId, DataKey]) -> None:
        for own_id, key in keys.items():
            self._keys[own_id] = key
            self._keys.move_to_end(own_id)
        while len(self._keys) > self._kept:
            self._keys.popitem(last=False)


def _context(owner_id: Any, version: int) -> bytes:
    return context_of("key", owner_id, version)


def _refused(conversation_id: Any, error: SealError) -> GeneralError:
    logger.error("sealed contents cannot be opened", conversation=str(conversation_id), reason=str(error))
    return GeneralError(
        f"What is written in this conversation cannot be opened: {error}",
        {"code": "CANNOT_BE_OPENED", "conversationId": str(conversation_id)},
    )


def vault(master_keys: Sequence[SecretStr], *, required: bool) -> Callable[[Application], None]:
    """Make the vault of an application, ``app.get("vault")``; goes behind the database.

    While a conversation is encrypted and its master key is not there, the application does not come up if
    that is ``required``, and else warns. Raises ConfigurationError for keys that are none.
    """
    try:
        masters = MasterKeys(key.get_secret_value() for key in master_keys)
    except ValueError as error:
        raise ConfigurationError([f"{SETTING}: {error}"]) from None

    def configure(app: Application) -> None:
        made = Vault(masters)

        async def setup(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            try:
                await made.check()
            except ConfigurationError as error:
                if required:
                    raise
                logger.warning("encrypted conversations cannot be opened", problems=error.problems)
            await proceed()

        app.set("vault", made)
        app.hooks({"around": {"setup": [setup]}})

    return configure
