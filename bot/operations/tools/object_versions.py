"""Every version of an object in S3, and the locks that keep some of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

Client = Any
LOOK_AGAIN = timedelta(days=7)
# What S3 and its likes answer when a lock forbids.
LOCKED = ("AccessDenied", "ObjectLocked", "InvalidRequest", "MethodNotAllowed")
UNVERSIONED = ("NotImplemented", "MethodNotAllowed")
NO_LOCK = ("NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "InvalidRequest", "NotImplemented")


@dataclass(frozen=True)
class Lock:
    """Until when S3 keeps a version whatever is asked of it, and which kind of lock says so."""

    until: datetime
    kind: str


def purge(client: Client, bucket: str, key: str) -> Lock | None:
    """Remove every version and every delete marker; answers the longest lock that keeps one. Raises: ClientError."""
    locks = [lock for version in _versions(client, bucket, key) if (lock := _removed(client, bucket, key, version))]
    return max(locks, key=lambda lock: lock.until, default=None)


def _versions(client: Client, bucket: str, key: str) -> Iterator[str]:
    """Their ids; one empty id for a bucket that knows no versions."""
    try:
        pages = list(client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key))
    except ClientError as error:
        if error.response["Error"]["Code"] not in UNVERSIONED:
            raise
        yield ""
        return
    for page in pages:
        for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            if one["Key"] == key:
                yield one["VersionId"]


def _removed(client: Client, bucket: str, key: str, version: str) -> Lock | None:
    """None when it has gone, else what keeps it."""
    where = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    try:
        client.delete_object(**where)
    except ClientError as error:
        lock = _lock(client, where) if error.response["Error"]["Code"] in LOCKED else None
        if lock is None:
            raise
        return lock
    return None


def _lock(client: Client, where: dict[str, str]) -> Lock | None:
    """What locks that version; a legal hold has no end, and is looked at again in a while."""
    try:
        found = client.get_object_retention(**where)["Retention"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in NO_LOCK:
            raise
    else:
        return Lock(found["RetainUntilDate"], f"{found['Mode'].lower()} lock")
    hold = client.get_object_legal_hold(**where)["LegalHold"]["Status"]
    return Lock(datetime.now(UTC) + LOOK_AGAIN, "legal hold") if hold == "ON" else None
