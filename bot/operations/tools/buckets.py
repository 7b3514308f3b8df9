"""What a bucket does by itself to what lies in it: versions, locks, and rules of its own about what goes when."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

Client = Any
# What S3 and its likes answer where there is no such configuration.
NONE = (
    "NoSuchLifecycleConfiguration",
    "ObjectLockConfigurationNotFoundError",
    "NoSuchObjectLockConfiguration",
    "NotImplemented",
    "MethodNotAllowed",
    "InvalidRequest",
)


@dataclass(frozen=True)
class BucketTraits:
    """`expires_days` is after how many days a rule of the bucket itself deletes backups; None: no rule does."""

    versioned: bool
    lockable: bool
    expires_days: int | None
    forgets_parts: bool

    @property
    def told(self) -> str:
        versions = "keeps versions" if self.versioned else "keeps no versions"
        locks = "can lock objects" if self.lockable else "cannot lock objects"
        expires = f", deletes backups after {self.expires_days} days by a rule of its own" if self.expires_days else ""
        parts = ", forgets parts that nobody completes" if self.forgets_parts else ""
        return f"{versions}, {locks}{expires}{parts}"


def traits_of(client: Client, bucket: str, prefix: str) -> BucketTraits:
    """Raises: ClientError."""
    lock = _asked(client.get_object_lock_configuration, bucket).get("ObjectLockConfiguration", {})
    rules = _asked(client.get_bucket_lifecycle_configuration, bucket).get("Rules", [])
    active = [rule for rule in rules if rule.get("Status") == "Enabled" and prefix.startswith(_prefix(rule))]
    days = [rule["Expiration"]["Days"] for rule in active if "Days" in rule.get("Expiration", {})]
    return BucketTraits(
        versioned=_asked(client.get_bucket_versioning, bucket).get("Status") == "Enabled",
        lockable=lock.get("ObjectLockEnabled") == "Enabled",
        expires_days=min(days, default=None),
        forgets_parts=any("AbortIncompleteMultipartUpload" in rule for rule in active),
    )


def _asked(ask: Any, bucket: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = ask(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in NONE:
            raise
        return {}
    return answer


def _prefix(rule: dict[str, Any]) -> str:
    return str(rule.get("Filter", {}).get("Prefix", rule.get("Prefix", "")))
