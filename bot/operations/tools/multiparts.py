"""A file on its way to S3 while it still grows: parts that S3 checks, and that are no object until all are completed.

The parts are read from the file that grows, so that a slow S3 never holds a dump back, and little is in memory.
"""

import base64
import hashlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from bot.operations.tools.seals import CHUNK_BYTES, Seal

PART_BYTES = 16 << 20
# S3 takes 10,000 parts at most.
MOST_PARTS = 9_000
AT_ONCE = 2
Client = Any


class Sent(BaseModel):
    """An upload that was begun and, when there are digests, taken whole by S3; kept beside the file until completed."""

    model_config = ConfigDict(frozen=True)

    key: str
    upload_id: str
    part_bytes: int
    key_id: str = ""
    salt: str = ""
    size_bytes: int = 0
    digests: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def parts(self) -> list[dict[str, Any]]:
        """As S3 wants them to complete the upload."""
        pairs = zip(self.tags, self.digests, strict=True)
        return [
            {"PartNumber": number, "ETag": tag, "ChecksumSHA256": base64.b64encode(bytes.fromhex(digest)).decode()}
            for number, (tag, digest) in enumerate(pairs, 1)
        ]

    @property
    def checksum(self) -> str:
        """What S3 calls the SHA-256 of the object."""
        whole = hashlib.sha256(b"".join(map(bytes.fromhex, self.digests))).digest()
        return f"{base64.b64encode(whole).decode()}-{len(self.digests)}"


@dataclass(frozen=True)
class Taken:
    """A part as S3 has it."""

    digest: str
    tag: str
    size_bytes: int


@dataclass(frozen=True)
class Cut:
    """How a file is cut into parts, and sealed where a seal is."""

    path: Path
    part_bytes: int = PART_BYTES
    seal: Seal | None = None

    def part(self, number: int, *, last: bool) -> bytes:
        """The bytes that go out as part `number`, from 1 on. Raises: OSError."""
        with self.path.open("rb") as file:
            file.seek((number - 1) * self.part_bytes)
            data = file.read(self.part_bytes)
        return self.seal.sealed((number - 1) * self.part_bytes // CHUNK_BYTES, data, last=last) if self.seal else data

    def count(self, size_bytes: int) -> int:
        return max(1, -(-size_bytes // self.part_bytes))


def part_bytes_for(size_bytes: int) -> int:
    """The size of parts with which a file of about that size stays below S3's number of them; whole chunks."""
    needed = max(PART_BYTES, size_bytes // MOST_PARTS)
    return -(-needed // CHUNK_BYTES) * CHUNK_BYTES


@dataclass(frozen=True)
class Clients:
    """`parts` does not hash a part once more to sign it: S3 checks it against the checksum, which is signed."""

    calls: Client
    parts: Client


class Sending:
    """One multipart upload. Its methods block, and raise what boto3 raises; `begun` hears of the upload's id first."""

    def __init__(
        self,
        clients: Clients,
        where: Mapping[str, str],
        cut: Cut,
        options: Mapping[str, Any],
        begun: Callable[[Sent], None],
    ) -> None:
        self._clients, self._where, self._cut, self._options, self._begun = clients, dict(where), cut, options, begun
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3")
        self._jobs: list[Future[Taken]] = []
        self._checked = 0
        self._stopped = threading.Event()

    def grew(self, size_bytes: int) -> None:
        """Send every part that is complete; raises for the first that was refused."""
        while self._checked < len(self._jobs) and self._jobs[self._checked].done():
            self._jobs[self._checked].result()
            self._checked += 1
        while size_bytes - len(self._jobs) * self._cut.part_bytes > self._cut.part_bytes:
            self._send(last=False)

    def finish(self, size_bytes: int) -> Sent:
        """Send the rest, and wait until S3 has all of it."""
        self.grew(size_bytes)
        self._send(last=True)
        taken = [job.result() for job in self._jobs]
        self._threads.shutdown()
        return self._sent(
            size_bytes=sum(one.size_bytes for one in taken),
            digests=tuple(one.digest for one in taken),
            tags=tuple(one.tag for one in taken),
        )

    def stop(self) -> None:
        """Send nothing more, and wait until nothing is under way; what S3 has stays there."""
        self._stopped.set()
        self._threads.shutdown(cancel_futures=True)

    def _sent(self, **values: Any) -> Sent:
        seal = self._cut.seal
        sealed = {"key_id": seal.key_id, "salt": seal.salt.hex()} if seal else {}
        where, part_bytes = self._where, self._cut.part_bytes
        return Sent(key=where["Key"], upload_id=where["UploadId"], part_bytes=part_bytes, **sealed, **values)

    def _send(self, *, last: bool) -> None:
        if "UploadId" not in self._where:
            upload = self._clients.calls.create_multipart_upload(
                **self._where, ChecksumAlgorithm="SHA256", **self._options
            )
            self._where["UploadId"] = upload["UploadId"]
            self._begun(self._sent())
        self._jobs.append(self._threads.submit(self._put, len(self._jobs) + 1, last))

    def _put(self, number: int, last: bool) -> Taken:
        body = self._cut.part(number, last=last)
        digest = hashlib.sha256(body).digest()
        checksum = base64.b64encode(digest).decode()
        answer = self._clients.parts.upload_part(**self._where, PartNumber=number, Body=body, ChecksumSHA256=checksum)
        return Taken(digest.hex(), answer["ETag"], len(body))


def digests_of(cut: Cut, hashed: Callable[[bytes], None]) -> tuple[str, ...]:
    """The digest of each part as it would go out now; `hashed` hears the file's own bytes in order. Raises: OSError."""
    size_bytes = cut.path.stat().st_size
    count, plain = cut.count(size_bytes), Cut(cut.path, cut.part_bytes)
    digests = []
    for number in range(1, count + 1):
        hashed(plain.part(number, last=False))
        digests.append(hashlib.sha256(cut.part(number, last=number == count)).hexdigest())
    return tuple(digests)
