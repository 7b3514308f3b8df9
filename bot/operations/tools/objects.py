"""S3: uploads that S3 itself checks against our SHA-256, and that are looked up again. Wraps boto3, which blocks."""

import asyncio
import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bot.domain.errors import OperationFailed
from bot.operations.tools.access import BackupPlaces
from bot.operations.tools.object_versions import Lock, purge
from bot.operations.tools.processes import outlast

PART_BYTES = 16 << 20
T = TypeVar("T")
Client = Any


@dataclass(frozen=True)
class ObjectSeen:
    """An object as S3 describes it; `checksum` is S3's own SHA-256 in base64, of the parts' digests for many parts."""

    key: str
    size_bytes: int
    checksum: str
    metadata: Mapping[str, str]


class ObjectStore:
    """One bucket. Every method raises: OperationFailed, in S3's own words."""

    def __init__(self, places: BackupPlaces) -> None:
        self.bucket = places.bucket
        self._places = places
        self._client: Client | None = None

    async def put(self, key: str, path: Path, metadata: Mapping[str, str]) -> ObjectSeen:
        """Upload the file, and look the object up: S3 must hold what the file holds. Never overwrites."""
        return await self._do(f"store {key}", lambda client: self._put(client, key, path, metadata))

    async def find(self, key: str) -> ObjectSeen | None:
        return await self._do(f"look up {key}", lambda client: self._find(client, key))

    async def compare(self, seen: ObjectSeen, path: Path) -> tuple[bool, str]:
        """Whether the object is that file, and how that is known: by S3's checksum, or else by reading it all."""
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        if seen.size_bytes != size_bytes:
            return False, f"it has {seen.size_bytes} bytes, the file has {size_bytes}"
        if seen.checksum:
            expected = composite_checksum(await asyncio.to_thread(_part_digests, path))
            if seen.checksum == expected or "-" not in seen.checksum:
                return seen.checksum == expected, f"S3's SHA-256 is {seen.checksum}, the file's {expected}"
        whole = await self._do(f"give out {seen.key}", lambda client: _hash_object(client, self.bucket, seen.key))
        own = await asyncio.to_thread(_sha256_of, path)
        return whole == own, f"read back, its sha256 is {whole}, the file's {own}"

    async def purge(self, key: str) -> Lock | None:
        """Remove every version of it; answers the lock that keeps one all the same."""
        return await self._do(f"remove {key}", lambda client: purge(client, self.bucket, key))

    async def point(self, key: str, text: str) -> None:
        """Write a small object that may be there already: a pointer, never a backup."""
        body, checksum = text.encode(), _text(hashlib.sha256(text.encode()).digest())
        where = {"Bucket": self.bucket, "Key": key}
        await self._do(f"store {key}", lambda client: client.put_object(**where, Body=body, ChecksumSHA256=checksum))

    async def remove(self, key: str) -> None:
        await self._do(f"remove {key}", lambda client: client.delete_object(Bucket=self.bucket, Key=key))

    async def reach(self) -> None:
        """Ask for the bucket, as cheaply as S3 allows."""
        with self._s3_errors("answer"):
            await asyncio.to_thread(lambda: self._connected().head_bucket(Bucket=self.bucket))

    async def _do(self, what: str, work: Callable[[Client], T]) -> T:
        """Run it in a thread, to its end even when cancelled: an upload that goes on unseen is an effect."""
        task = asyncio.ensure_future(asyncio.to_thread(lambda: work(self._connected())))
        with self._s3_errors(what):
            await outlast(asyncio.wait([task]))
            return task.result()

    @contextmanager
    def _s3_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            hint = "Look at S3 (`/takumi health`). To keep a backup on this machine alone, ask with `--to local`."
            raise OperationFailed(f"S3 bucket {self.bucket} did not {what}: {error}", hint=hint) from error

    def _connected(self) -> Client:
        if self._client is None:
            self._client = client_of(self._places)
        return self._client

    def _put(self, client: Client, key: str, path: Path, metadata: Mapping[str, str]) -> ObjectSeen:
        parts = _part_digests(path)
        try:
            if len(parts) == 1:
                self._put_whole(client, key, path, parts[0], metadata)
            else:
                self._put_parts(client, key, path, parts, metadata)
        except ClientError as error:
            # There is an object already: ours, when an answer was lost and the request repeated. The look tells.
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
        return self._look_again(client, key, path.stat().st_size, parts)

    def _put_whole(self, client: Client, key: str, path: Path, digest: bytes, metadata: Mapping[str, str]) -> None:
        with path.open("rb") as body:
            client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ChecksumSHA256=_text(digest),
                Metadata=dict(metadata),
                IfNoneMatch="*",
            )

    def _put_parts(self, client: Client, key: str, path: Path, parts: list[bytes], metadata: Mapping[str, str]) -> None:
        where = {"Bucket": self.bucket, "Key": key}
        upload = client.create_multipart_upload(**where, ChecksumAlgorithm="SHA256", Metadata=dict(metadata))
        where["UploadId"] = upload["UploadId"]
        try:
            done = [_put_part(client, where, path, number, digest) for number, digest in enumerate(parts, 1)]
            client.complete_multipart_upload(**where, MultipartUpload={"Parts": done}, IfNoneMatch="*")
        except BaseException:
            client.abort_multipart_upload(**where)
            raise

    def _look_again(self, client: Client, key: str, size_bytes: int, parts: list[bytes]) -> ObjectSeen:
        seen = self._find(client, key)
        expected = composite_checksum(parts)
        if seen is None or (seen.size_bytes, seen.checksum) != (size_bytes, expected):
            got = f"{seen.size_bytes} bytes, checksum {seen.checksum or 'none'}" if seen else "nothing"
            raise OperationFailed(
                f"S3 bucket {self.bucket} holds {got} under {key}, not the {size_bytes} bytes with {expected} sent.",
                hint="Do not trust this object: look at the bucket, then ask again.",
            )
        return seen

    def _find(self, client: Client, key: str) -> ObjectSeen | None:
        try:
            head = client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:  # noqa: PLR2004 - HTTP's own number
                return None
            raise
        return ObjectSeen(key, head["ContentLength"], head.get("ChecksumSHA256", ""), head["Metadata"])


def _hash_object(client: Client, bucket: str, key: str) -> str:
    whole = hashlib.sha256()
    for chunk in client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20):
        whole.update(chunk)
    return whole.hexdigest()


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def composite_checksum(parts: list[bytes]) -> str:
    """What S3 calls the SHA-256 of an object sent in these parts."""
    if len(parts) == 1:
        return _text(parts[0])
    return f"{_text(hashlib.sha256(b''.join(parts)).digest())}-{len(parts)}"


def _part_digests(path: Path) -> list[bytes]:
    """The SHA-256 of each part of the file; of an empty file, of nothing."""
    with path.open("rb") as file:
        digests = [hashlib.sha256(part).digest() for part in iter(lambda: file.read(PART_BYTES), b"")]
    return digests or [hashlib.sha256().digest()]


def _put_part(client: Client, where: Mapping[str, str], path: Path, number: int, digest: bytes) -> dict[str, Any]:
    with path.open("rb") as file:
        file.seek((number - 1) * PART_BYTES)
        body = file.read(PART_BYTES)
    answer = client.upload_part(**where, PartNumber=number, Body=body, ChecksumSHA256=_text(digest))
    return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": _text(digest)}


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def client_of(places: BackupPlaces) -> Client:
    """A client for this installation's S3."""
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"max_attempts": 3, "mode": "standard"},
        s3={"addressing_style": "path"} if places.endpoint_url else {},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client(
        "s3",
        region_name=places.region,
        endpoint_url=places.endpoint_url or None,
        aws_access_key_id=places.access_key.get_secret_value() or None,
        aws_secret_access_key=places.secret_key.get_secret_value() or None,
        config=config,
    )
