from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from stonechat.core.application import Application
from stonechat.core.storage import Bucket, LocalStore, S3Store, Store, Upload, storage
from stonechat.core.testing import serving
from tests.support.s3 import ACCESS_KEY, SECRET_KEY, serve_s3

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Shelf:
    """A store, and somebody who only has its addresses."""

    store: Store
    http: aiohttp.ClientSession

    async def sign(self, key: str, data: bytes, media_type: str = "text/plain") -> Upload:
        return await self.store.sign_upload(key, size=len(data), media_type=media_type, lasting=MINUTE)

    async def put(self, upload: Upload, data: bytes, **headers: str) -> int:
        """The status of the answer."""
        said = {**upload.headers, **headers}
        async with self.http.request(upload.method, self.url(upload.url), data=data, headers=said) as got:
            await got.read()
            return got.status

    async def store_file(self, key: str, data: bytes, media_type: str = "text/plain") -> None:
        assert await self.put(await self.sign(key, data, media_type), data) in {200, 201}

    async def get(self, key: str, **headers: str) -> tuple[int, bytes, Any]:
        url = await self.store.sign_download(key, name="a.txt", media_type="text/plain", lasting=MINUTE)
        async with self.http.get(self.url(url), headers=headers) as got:
            return got.status, await got.read(), got.headers

    @staticmethod
    def url(url: str) -> Any:
        from yarl import URL  # noqa: PLC0415 - beside its only use

        return URL(url, encoded=True)


@pytest.fixture(scope="module")
async def local(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shelf]:
    app = Application()
    folder: Path = tmp_path_factory.mktemp("files")
    store = LocalStore(folder, "s" * 32)
    app.configure(storage(store))
    async with serving(app) as url, aiohttp.ClientSession() as http:
        store.base_url = url
        yield Shelf(store, http)


@pytest.fixture(scope="module")
async def s3() -> AsyncIterator[Shelf]:
    async with serve_s3() as url, aiohttp.ClientSession() as http:
        bucket = Bucket(name="stonechat", endpoint=url, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
        store = S3Store(bucket)
        async with http.put(f"{url}/{bucket.name}") as made:
            assert made.status == 200
        yield Shelf(store, http)


@pytest.fixture(params=["local", "s3"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    found: Shelf = request.getfixturevalue(request.param)
    return found
