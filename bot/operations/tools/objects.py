"""S3: uploads that S3 itself checks against our SHA-256, and that are looked up again. Wraps boto3, which blocks."""

import asyncio
import base64
import hashlib
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bot.domain.errors import OperationFailed
from bot.operations.tools.access import BackupPlaces
from bot.operations.tools.buckets import BucketTraits, traits_of
from bot.operations.tools.multiparts import Clients, Cut, Sending, Sent, digests_of, part_bytes_for
from bot.operations.tools.object_versions import Lock, purge
from bot.operations.tools.processes import outlast
from bot.operations.tools.seals import ENDING, opened
from bot.operations.tools.uploads import abort, abort_stale

T = TypeVar("T")
Client = Any


@dataclass(frozen=True)
class ObjectSeen:
    """An object as S3 describes it; `checksum` is S3's own SHA-256 in base64, of the parts' digests for many parts."""

    key: str
    size_bytes: int
    checksum: str
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class How:
    """How an object is stored: with what metadata, sealed or not, and until when S3 keeps it (UTC)."""

    metadata: Mapping[str, str]
    sealed: bool = False
    until: datetime | None = None


class ObjectStore:
    """One bucket. Every method raises: OperationFailed, in S3's own words."""

    def __init__(self, places: BackupPlaces) -> None:
        self.bucket = places.bucket
        self._places = places
        self._client: Client | None = None
        self._sender: Client | None = None

    async def put(self, key: str, path: Path, how: "How") -> ObjectSeen:
        """Upload the file, and look the object up: S3 must hold what the file holds. Never overwrites."""
        return await self._do(f"store {key}", lambda client: self._put(client, key, path, how))

    def sending(self, key: str, cut: Cut, how: "How", begun: Callable[[Sent], None]) -> Sending:
        """An upload of a file that still grows. Its methods block, within `errors`."""
        where = {"Bucket": self.bucket, "Key": key}
        if self._sender is None:
            self._sender = client_of(self._places, bodies_signed=False)
        clients = Clients(self._connected(), self._sender)
        return Sending(clients, where, cut, self._options(how), begun)

    async def complete(self, sent: Sent) -> ObjectSeen:
        """Make an object of the parts, and look it up; an answer that was lost is no harm."""
        return await self._do(f"complete {sent.key}", lambda client: self._complete(client, sent))

    async def abandon(self, sent: Sent) -> None:
        """Let S3 forget the parts of an upload that was not completed."""
        await self._do(f"forget {sent.key}", lambda client: abort(client, self.bucket, sent.key, sent.upload_id))

    async def abandon_stale(self, prefix: str, age: timedelta) -> Sequence[str]:
        """The same for every upload below `prefix` that was begun that long ago; names them."""
        return await self._do("list uploads", lambda client: abort_stale(client, self.bucket, prefix, age))

    async def fetch(self, key: str, path: Path) -> str:
        """Write the object into a new file, opened where it was sealed; answers the file's sha256."""
        return await self._do(f"give out {key}", lambda client: self._fetch(client, key, path))

    async def read(self, key: str) -> tuple[bytes, str]:
        """A small object's bytes, opened where it was sealed, and their sha256."""
        text = await self._do(f"give out {key}", lambda client: b"".join(self._blocks(client, key)))
        return text, hashlib.sha256(text).hexdigest()

    async def peek(self, key: str) -> None:
        """Look whether its first chunk opens with the keys that are here. Raises: Misconfigured."""
        if key.endswith(ENDING):
            await self._do(f"give out {key}", lambda client: self._peek(client, key))

    async def find(self, key: str) -> ObjectSeen | None:
        return await self._do(f"look up {key}", lambda client: self._find(client, key))

    async def compare(self, seen: ObjectSeen, path: Path) -> tuple[bool, str]:
        """Whether the object is that file, and how that is known: by S3's checksum, or else by reading it all."""
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        sealed = seen.key.endswith(ENDING)
        if seen.size_bytes != size_bytes and not sealed:
            return False, f"it has {seen.size_bytes} bytes, the file has {size_bytes}"
        if seen.checksum and not sealed:
            expected = composite_checksum(await asyncio.to_thread(_part_digests, path))
            if seen.checksum == expected or "-" not in seen.checksum:
                return seen.checksum == expected, f"S3's SHA-256 is {seen.checksum}, the file's {expected}"
        whole = await self._do(f"give out {seen.key}", lambda client: self._hash(client, seen.key))
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
        with self.errors("answer"):
            await asyncio.to_thread(lambda: self._connected().head_bucket(Bucket=self.bucket))

    async def traits(self, prefix: str) -> BucketTraits:
        """What the bucket does by itself to what lies below `prefix`."""
        return await self._do("tell its rules", lambda client: traits_of(client, self.bucket, prefix))

    async def _do(self, what: str, work: Callable[[Client], T]) -> T:
        """Run it in a thread, to its end even when cancelled: an upload that goes on unseen is an effect."""
        task = asyncio.ensure_future(asyncio.to_thread(lambda: work(self._connected())))
        with self.errors(what):
            await outlast(asyncio.wait([task]))
            return task.result()

    @contextmanager
    def errors(self, what: str) -> Iterator[None]:
        """Turn what S3 says into OperationFailed."""
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            hint = "Look at S3 (`/takumi health`). To keep a backup on this machine alone, ask with `--to local`."
            raise OperationFailed(f"S3 bucket {self.bucket} did not {what}: {error}", hint=hint) from error

    def _connected(self) -> Client:
        if self._client is None:
            self._client = client_of(self._places)
        return self._client

    def _put(self, client: Client, key: str, path: Path, how: "How") -> ObjectSeen:
        size_bytes = path.stat().st_size
        cut = Cut(path, part_bytes_for(size_bytes), self._places.keys.fresh() if how.sealed else None)
        if cut.count(size_bytes) > 1:
            return self._put_parts(client, key, cut, how)
        body = cut.part(1, last=True)
        digest = hashlib.sha256(body).digest()
        where = {"Bucket": self.bucket, "Key": key, "IfNoneMatch": "*", **self._options(how)}
        with lost_answers():
            client.put_object(**where, Body=body, ChecksumSHA256=_text(digest))
        return self._look_again(client, key, len(body), _text(digest))

    def _put_parts(self, client: Client, key: str, cut: Cut, how: "How") -> ObjectSeen:
        begun: list[Sent] = []
        sending = self.sending(key, cut, how, begun.append)
        try:
            return self._complete(client, sending.finish(cut.path.stat().st_size))
        except BaseException:
            sending.stop()
            for sent in begun:
                abort(client, self.bucket, key, sent.upload_id)
            raise

    def _complete(self, client: Client, sent: Sent) -> ObjectSeen:
        where = {"Bucket": self.bucket, "Key": sent.key, "UploadId": sent.upload_id, "IfNoneMatch": "*"}
        with lost_answers():
            client.complete_multipart_upload(**where, MultipartUpload={"Parts": sent.parts})
        return self._look_again(client, sent.key, sent.size_bytes, sent.checksum)

    def _options(self, how: "How") -> dict[str, Any]:
        return {"Metadata": dict(how.metadata), **self._places.storage.options(how.until)}

    def _blocks(self, client: Client, key: str) -> Generator[bytes, None, None]:
        with closing(client.get_object(Bucket=self.bucket, Key=key)["Body"]) as body:
            blocks = body.iter_chunks(1 << 20)
            yield from opened(blocks, self._places.keys, key) if key.endswith(ENDING) else blocks

    def _peek(self, client: Client, key: str) -> None:
        with closing(self._blocks(client, key)) as blocks:
            next(blocks)

    def _fetch(self, client: Client, key: str, path: Path) -> str:
        whole = hashlib.sha256()
        with path.open("xb") as file:
            for block in self._blocks(client, key):
                whole.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        return whole.hexdigest()

    def _hash(self, client: Client, key: str) -> str:
        whole = hashlib.sha256()
        for block in self._blocks(client, key):
            whole.update(block)
        return whole.hexdigest()

    def _look_again(self, client: Client, key: str, size_bytes: int, expected: str) -> ObjectSeen:
        seen = self._find(client, key)
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


@contextmanager
def lost_answers() -> Iterator[None]:
    """There is an object already, or no such upload any more: it was ours, when an answer was lost. The look tells."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "NoSuchUpload"):
            raise


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
    cut = Cut(path, part_bytes_for(path.stat().st_size))
    return [bytes.fromhex(digest) for digest in digests_of(cut, lambda _: None)]


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def client_of(places: BackupPlaces, *, bodies_signed: bool = True) -> Client:
    """A client for this installation's S3. Without `bodies_signed`, a body is bound by its signed checksum alone."""
    addressing = {"addressing_style": "path"} if places.endpoint_url else {}
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"max_attempts": 3, "mode": "standard"},
        s3=addressing | ({} if bodies_signed else {"payload_signing_enabled": False}),
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
