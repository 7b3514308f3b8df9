"""Heads of the trail in S3 under Object Lock: not even the bucket's owner takes them away before their time."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bot.domain.errors import OperationFailed
from bot.operations.tools.access import BackupPlaces
from bot.operations.tools.objects import client_of

_HINT = "The bucket needs Object Lock and versioning, and these keys the right to put objects with a retention."


class S3Anchors:
    """`prefix` names the trail in its bucket; `kept` is how long each anchor is locked, in compliance mode."""

    def __init__(self, places: BackupPlaces, bucket: str, prefix: str, kept: timedelta) -> None:
        self._places, self._bucket, self._prefix, self._kept = places, bucket, prefix, kept
        self._client: Any = None

    async def put(self, name: str, text: str) -> None:
        """Put it, and look that it is there and locked. The same again is harmless. Raises: OperationFailed."""
        await self._do("take an anchor", self._put, self._prefix + name, text.encode())

    async def look(self) -> str:
        """That the bucket can be listed and locks what it keeps. Raises: OperationFailed."""
        found = await self._do("list its anchors", self._versions)
        await self._do("say that it locks objects", self._must_lock)
        return f"bucket {self._bucket} locks objects; it holds {len(found)} under {self._prefix}"

    def _must_lock(self) -> None:
        answer = self._client.get_object_lock_configuration(Bucket=self._bucket)
        if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise OperationFailed(f"S3 bucket {self._bucket} has no Object Lock.", hint=_HINT)

    async def texts(self) -> AsyncIterator[str]:
        """Every anchor in order, each as it was first put: what was written over it later does not count."""
        for key, version in await self._do("list its anchors", self._versions):
            yield await self._do("show an anchor", self._get, key, version)

    async def _do(self, what: str, work: Any, *arguments: Any) -> Any:
        try:
            if self._client is None:
                self._client = client_of(self._places)
            return await asyncio.to_thread(work, *arguments)
        except (BotoCoreError, ClientError) as error:
            raise OperationFailed(f"S3 bucket {self._bucket} did not {what}: {error}", hint=_HINT) from error

    def _put(self, key: str, body: bytes) -> None:
        if not self._versions_of(key):
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ChecksumSHA256=base64.b64encode(hashlib.sha256(body).digest()).decode(),
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=datetime.now(UTC) + self._kept,
            )
        versions = self._versions_of(key)
        if not versions:
            raise OperationFailed(f"S3 bucket {self._bucket} does not hold the anchor that was put.", hint=_HINT)
        head = self._client.head_object(Bucket=self._bucket, Key=key, VersionId=versions[0])
        if head.get("ObjectLockMode") != "COMPLIANCE" or self._get(key, versions[0]).encode() != body:
            raise OperationFailed(f"S3 bucket {self._bucket} does not hold the anchor as it was put.", hint=_HINT)

    def _versions_of(self, key: str) -> list[str]:
        return [version for found, version in self._versions(key) if found == key]

    def _versions(self, key: str = "") -> list[tuple[str, str]]:
        """(key, its oldest version), in order of the keys."""
        oldest: dict[str, tuple[datetime, str]] = {}
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=key or self._prefix
        )
        for page in pages:
            for one in page.get("Versions", ()):
                # S3 lists the versions of a key from the newest on; its instants are whole seconds.
                if one["Key"] not in oldest or one["LastModified"] <= oldest[one["Key"]][0]:
                    oldest[one["Key"]] = (one["LastModified"], one["VersionId"])
        return [(key, oldest[key][1]) for key in sorted(oldest)]

    def _get(self, key: str, version: str) -> str:
        answer = self._client.get_object(Bucket=self._bucket, Key=key, VersionId=version)
        text: str = answer["Body"].read().decode()
        return text
