"""Uploads to S3 that nobody completed: forgotten one by one, and those that a dead machine left by their age."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

Client = Any


def abort(client: Client, bucket: str, key: str, upload_id: str) -> None:
    """It is no error when there is no such upload any more. Raises: ClientError."""
    try:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchUpload":
            raise


def abort_stale(client: Client, bucket: str, prefix: str, age: timedelta) -> Sequence[str]:
    """Abort every upload below `prefix` that was begun that long ago; names them. Raises: ClientError."""
    before = datetime.now(UTC) - age
    stale = [one for one in _uploads(client, bucket, prefix) if one["Initiated"] <= before]
    for one in stale:
        abort(client, bucket, one["Key"], one["UploadId"])
    return [one["Key"] for one in stale]


def _uploads(client: Client, bucket: str, prefix: str) -> list[dict[str, Any]]:
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    return [one for page in pages for one in page.get("Uploads", ())]
