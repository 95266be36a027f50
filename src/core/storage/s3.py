"""Files in a bucket of Amazon S3, or of whatever speaks as it does; with the extra ``s3``."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

from .store import NotStoredError, Stored, Upload, check_key, disposition

DELETED_AT_ONCE: Final = 1000
ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """``endpoint`` is the address of a server other than Amazon's; without keys, boto3 looks for its own."""

    name: str
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: str | None = None


class S3Store:
    """boto3 blocks, so all of it runs on threads; its client is made at the first call."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._lock = Lock()
        self._made: Any = None

    async def sign_upload(self, key: str, *, size: int, media_type: str, lasting: timedelta) -> Upload:
        # The headers of the request are signed with it: another length or type is another request.
        said = {"Key": check_key(key), "ContentLength": size, "ContentType": media_type}
        expires_at = datetime.now(UTC) + lasting
        url = await self._signed("put_object", said, lasting)
        return Upload(method="PUT", url=url, headers={"Content-Type": media_type}, expires_at=expires_at)

    async def sign_download(self, key: str, *, name: str, media_type: str, lasting: timedelta) -> str:
        said = {
            "Key": check_key(key),
            "ResponseContentType": media_type,
            "ResponseContentDisposition": disposition(name, media_type),
            "ResponseCacheControl": "private, max-age=300",
        }
        return await self._signed("get_object", said, lasting)

    async def head(self, key: str) -> Stored | None:
        try:
            found = await self._call("head_object", Key=check_key(key))
        except NotStoredError:
            return None
        return Stored(key=key, size=found["ContentLength"], modified=found["LastModified"])

    async def read(self, key: str, start: int, length: int) -> bytes:
        stored = await self.head(key)
        if stored is None:
            raise NotStoredError(key)
        if length <= 0 or start >= stored.size:
            return b""

        def read() -> bytes:
            found = self._ask("get_object", Key=key, Range=f"bytes={start}-{start + length - 1}")
            data: bytes = found["Body"].read()
            return data

        return await asyncio.to_thread(read)

    @asynccontextmanager
    async def file(self, key: str) -> AsyncGenerator[Path]:
        check_key(key)

        def fetch(path: Path) -> None:
            body: Any = self._ask("get_object", Key=key)["Body"]
            with path.open("wb") as file:
                for piece in body.iter_chunks(256 * 1024):
                    file.write(piece)

        folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="stonechat-")
        try:
            path = Path(folder.name) / "file"
            await asyncio.to_thread(fetch, path)
            yield path
        finally:
            await asyncio.to_thread(folder.cleanup)

    async def write(self, key: str, source: Path, media_type: str) -> None:
        check_key(key)

        def write() -> None:
            with source.open("rb") as file:
                self._ask("put_object", Key=key, Body=file, ContentType=media_type)

        await asyncio.to_thread(write)

    async def copy(self, key: str, to: str) -> None:
        source = {"Bucket": self.bucket.name, "Key": check_key(key)}
        await self._call("copy_object", Key=check_key(to), CopySource=source)

    async def delete(self, *keys: str) -> None:
        named = [{"Key": check_key(key)} for key in keys]
        for start in range(0, len(named), DELETED_AT_ONCE):
            some = named[start : start + DELETED_AT_ONCE]
            answer = await self._call("delete_objects", Delete={"Objects": some, "Quiet": True})
            if errors := answer.get("Errors"):
                raise OSError(f"not deleted: {errors[0].get('Key')}: {errors[0].get('Message')}")

    async def below(self, prefix: str) -> AsyncIterator[Stored]:
        check_key(prefix.rstrip("/"))
        more: dict[str, str] = {}
        while True:
            page = await self._call("list_objects_v2", Prefix=prefix, **more)
            for found in page.get("Contents", ()):
                yield Stored(key=found["Key"], size=found["Size"], modified=found["LastModified"])
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def forget_unfinished(self, before: datetime) -> None:
        """An upload is one request here: what broke off was never stored."""

    def owns(self, url: str) -> bool:
        parts = urlsplit(url)
        host, bucket = parts.netloc.lower(), self.bucket.name
        if self.bucket.endpoint is None:
            own = host.startswith((f"{bucket}.s3.", f"{bucket}.s3-"))
            return own or (host.startswith("s3.") and parts.path.startswith(f"/{bucket}/"))
        endpoint = urlsplit(self.bucket.endpoint).netloc.lower()
        return host == f"{bucket}.{endpoint}" or (host == endpoint and parts.path.startswith(f"/{bucket}/"))

    async def _signed(self, operation: str, said: dict[str, Any], lasting: timedelta) -> str:
        def sign() -> str:
            url: str = self._client().generate_presigned_url(
                operation,
                Params={"Bucket": self.bucket.name, **said},
                ExpiresIn=int(lasting.total_seconds()),
            )
            return url

        return await asyncio.to_thread(sign)

    async def _call(self, operation: str, **said: Any) -> Any:
        return await asyncio.to_thread(self._ask, operation, **said)

    def _ask(self, operation: str, **said: Any) -> Any:
        """Raises NotStoredError where the key has nothing."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - an extra, and slow to load

        try:
            return getattr(self._client(), operation)(Bucket=self.bucket.name, **said)
        except ClientError as error:
            if str(error.response.get("Error", {}).get("Code")) in ABSENT:
                raise NotStoredError(said.get("Key", "")) from None
            raise

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _client_of(self.bucket)
            return self._made


def _client_of(bucket: Bucket) -> Any:
    from boto3.session import Session  # noqa: PLC0415 - an extra, and slow to load
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "auto" if bucket.endpoint is None else "path"},
        retries={"mode": "standard", "max_attempts": 3},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=32,
        # Servers that only speak as S3 does need not know its newer checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = Session(
        aws_access_key_id=bucket.access_key,
        aws_secret_access_key=bucket.secret_key,
        region_name=bucket.region,
    )
    return session.client("s3", endpoint_url=bucket.endpoint, config=config)
