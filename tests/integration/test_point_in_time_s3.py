"""A repository in S3, over TLS: backed up, recovered, and its keys are in no file."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.domain.errors import OperationFailed
from bot.operations.tools import pgbackrest
from bot.operations.tools.repositories import Bucket
from demo.platform.s3 import BUCKET, REGION, ObjectStore
from tests.integration.backups import SmallEngine
from tests.integration.physical import archived, must_have_pgbackrest, servers_below, time_plan
from tests.tls import NAME, tls_before, write_certificate


async def test_a_cluster_is_recovered_from_s3_and_its_keys_are_in_no_file(
    server_folder: Path, s3_server: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    must_have_pgbackrest()
    certificate, key = write_certificate(server_folder)
    async with tls_before(s3_server.ports[3], certificate, key) as port:
        keys = SecretStr(s3_server.keys.access_key), SecretStr(s3_server.keys.secret_key)
        bucket = Bucket(BUCKET, REGION, NAME, port, certificate, *keys)
        async with archived(server_folder / "s3pitr", bucket=bucket, path=Path("/physical")) as platform:
            made = await platform.stanza.back_up("full")
            await asyncio.sleep(1.1)  # the repository's instants are whole seconds
            engine = SmallEngine(platform.toolbox)
            plan = await time_plan(engine, (await platform.now()).isoformat(), platform.database)
            recover, remove = plan.steps[0], plan.steps[-1]
            await recover.do.run(engine.tools("recover"))
            await remove.do.run(engine.tools("remove"))
            texts = [one.read_text() for one in platform.repository.folder.rglob("*") if one.is_file()]
            assert texts
            assert not [one for one in texts if s3_server.keys.secret_key in one]
            assert servers_below(platform.repository.folder) == []
    listed = s3_server.client().list_objects_v2(Bucket=BUCKET, Prefix="physical/backup/takumi/")
    assert any(made.label in item["Key"] for item in listed["Contents"])
    monkeypatch.setattr(pgbackrest, "ANSWER_SECONDS", 2.0)
    with pytest.raises(OperationFailed, match="does not answer within 2 s"):
        await platform.stanza.info()
