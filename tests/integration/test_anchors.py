"""Anchors in a real S3 with Object Lock: what was put stays, as it was put."""

from datetime import timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from bot.domain.errors import OperationFailed
from bot.operations.tools.access import BackupPlaces
from bot.operations.tools.anchors import S3Anchors
from demo.platform.s3 import BUCKET, REGION, ObjectStore
from tests.servers import unique_name


def places(server: ObjectStore, secret: str = "") -> BackupPlaces:
    return BackupPlaces(
        folder=Path(),
        retention=timedelta(days=1),
        region=REGION,
        endpoint_url=server.endpoint,
        access_key=SecretStr(server.keys.access_key),
        secret_key=SecretStr(secret or server.keys.secret_key),
    )


@pytest.fixture
def prefix() -> str:
    return f"{unique_name('audit')}/"


@pytest.fixture
def anchors(s3_server: ObjectStore, prefix: str) -> S3Anchors:
    return S3Anchors(places(s3_server), BUCKET, prefix, timedelta(days=1))


async def read(anchors: S3Anchors) -> list[str]:
    return [text async for text in anchors.texts()]


async def test_anchors_come_back_in_order_and_the_same_again_is_harmless(anchors: S3Anchors) -> None:
    await anchors.put("000000000002-000000000003", "second\n")
    await anchors.put("000000000001-000000000001", "first\n")
    await anchors.put("000000000001-000000000001", "first\n")
    assert await read(anchors) == ["first\n", "second\n"]


async def test_what_is_written_over_an_anchor_does_not_count_and_is_told(
    anchors: S3Anchors, s3_server: ObjectStore, prefix: str
) -> None:
    await anchors.put("1", "first\n")
    s3_server.client().put_object(Bucket=BUCKET, Key=f"{prefix}1", Body=b"forged\n")
    assert await read(anchors) == ["first\n"]
    with pytest.raises(OperationFailed, match="as it was put"):
        await anchors.put("1", "another\n")


async def test_an_anchor_cannot_be_taken_away(anchors: S3Anchors, s3_server: ObjectStore, prefix: str) -> None:
    await anchors.put("1", "first\n")
    client = s3_server.client()
    (version,) = client.list_object_versions(Bucket=BUCKET, Prefix=prefix)["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    with pytest.raises(ClientError):
        client.delete_object(
            Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"], BypassGovernanceRetention=True
        )
    assert await read(anchors) == ["first\n"]


async def test_wrong_keys_are_told_in_s3_s_own_words(s3_server: ObjectStore, prefix: str) -> None:
    closed = S3Anchors(places(s3_server, "wrong"), BUCKET, prefix, timedelta(days=1))
    with pytest.raises(OperationFailed, match="did not take an anchor"):
        await closed.put("1", "first\n")
