"""What the doctor sees on real servers: each grant taken away is named, and the generated SQL gives it back."""

import asyncio
import signal
import stat
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from bot.doctor.findings import Finding, Wrong, look, mended
from bot.doctor.machine import _folder, _key, skew_of
from bot.doctor.own import apart
from bot.doctor.platform import looks
from bot.doctor.scripts import platform_script
from bot.domain.catalog import Catalog
from bot.domain.errors import Misconfigured, OperationFailed
from bot.domain.targets import Environment
from bot.operations.granting import GRANTS, Lacking, lacking
from bot.operations.tools.access import BackupPlaces, DatabaseAccess, Login, OwnDatabase, Platform
from bot.operations.tools.anchors import S3Anchors
from bot.operations.tools.toolbox import Toolbox
from bot.stores.greeting import Greeting, greet
from demo.accounts import unprivileged_account
from demo.children import Program, spawn, stop
from demo.platform.postgres import SUPERUSER, Cluster
from demo.platform.s3 import BUCKET, ObjectStore
from tests.integration.backups import filled_database
from tests.integration.backups import platform as platform_at
from tests.integration.test_swaps import PGBOUNCER
from tests.servers import free_port, unique_name

RUNBOOKS = tuple({name for grant in GRANTS for name in grant.runbooks})
NAMES = [grant.name for grant in GRANTS]
NO_RUNBOOKS = Catalog((), {})


@dataclass
class Server:
    """A filled database, and roles of ours that no script has made yet."""

    cluster: Cluster
    platform: Platform

    @property
    def access(self) -> DatabaseAccess:
        return self.platform.databases[0]

    @property
    def role(self) -> str:
        return self.access.login.user

    async def apply(self) -> None:
        """As an administrator does: the script through psql."""
        command = [self.cluster.programs / "psql", "--no-psqlrc", "--quiet", self.cluster.url("postgres", SUPERUSER)]
        script = platform_script(self.platform)
        await asyncio.to_thread(subprocess.run, command, input=script, text=True, check=True, capture_output=True)

    async def sql(self, statement: str, database: str = "postgres") -> None:
        async with self.cluster.connect(database) as connection:
            await connection.execute(statement.encode())

    async def forget(self, role: str) -> None:
        async with self.cluster.connect(self.access.name) as connection:
            found = await connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,))
            if await found.fetchone() is not None:
                await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())

    async def lacking(self) -> list[Lacking]:
        return await lacking(Toolbox(self.platform).for_look_up(), self.access, RUNBOOKS)


@pytest_asyncio.fixture
async def server(each_cluster: Cluster, tmp_path: Path) -> AsyncIterator[Server]:
    cluster, role, restorer, staging = each_cluster, *(unique_name(one) for one in ("role", "restorer", "staging"))
    async with filled_database(cluster) as name:
        first = DatabaseAccess(
            name,
            "127.0.0.1",
            cluster.port,
            Login(role, SecretStr("role-password")),
            Environment.STAGING,
            restorer=Login(restorer, SecretStr("restorer-password")),
        )
        platform = Platform((first, replace(first, name=staging)), name, BackupPlaces(tmp_path, timedelta(days=30)))
        made = Server(cluster, platform)
        yield made
        await made.sql(f"DROP DATABASE IF EXISTS {staging} WITH (FORCE)")
        for one in (role, restorer):
            await made.forget(one)


async def test_the_script_gives_all_that_is_needed_and_can_be_run_again(server: Server) -> None:
    with pytest.raises(OperationFailed, match="password authentication failed"):
        await server.lacking()
    await server.apply()
    assert await server.lacking() == []
    await server.apply()
    assert await server.lacking() == []
    async with server.cluster.connect() as connection:
        found = await connection.execute(
            "SELECT rolsuper, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = %s",
            (server.role,),
        )
        assert await found.fetchone() == (False, False, False, False)
    assert "role-password" not in platform_script(server.platform)


async def test_each_grant_that_is_taken_away_is_named_with_the_sql_that_gives_it_back(server: Server) -> None:
    await server.apply()
    role, restorer = server.role, server.access.restorer
    assert restorer is not None
    taken = {
        "CREATEDB": f"ALTER ROLE {role} NOCREATEDB",
        "pg_signal_backend": f"REVOKE pg_signal_backend FROM {role}",
        "pg_read_all_stats": f"REVOKE pg_read_all_stats FROM {role}",
        "membership of the role that restored files run as": f"REVOKE {restorer.user} FROM {role}",
    }
    for name, statement in taken.items():
        await server.sql(statement)
        (found,) = await server.lacking()
        assert found.grant.name == name
        await server.sql(found.sql)
        assert await server.lacking() == []


async def test_without_the_owner_neither_a_dump_nor_a_vacuum_is_possible(server: Server) -> None:
    await server.apply()
    await server.sql(f"REVOKE takumi FROM {server.role}")
    missing = {one.grant.name: one for one in await server.lacking()}
    assert set(missing) == {NAMES[0], NAMES[4]}
    await server.sql(missing[NAMES[0]].sql)
    assert await server.lacking() == []


async def test_a_database_that_is_not_there_is_never_made_by_the_script(server: Server) -> None:
    wrong = replace(server, platform=replace(server.platform, databases=(replace(server.access, name="takumy"),)))
    with pytest.raises(subprocess.CalledProcessError) as caught:
        await wrong.apply()
    assert "there is no database takumy: mend DB_NAME" in caught.value.stderr
    async with server.cluster.connect() as connection:
        found = await connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (server.role,))
        assert await found.fetchone() is None


async def test_s3_is_tried_and_nothing_is_left(cluster: Cluster, s3_server: ObjectStore, tmp_path: Path) -> None:
    reached = platform_at(cluster, "postgres", tmp_path, s3_server)
    tried = dict(looks(Toolbox(reached), NO_RUNBOOKS))["S3 rights"]
    assert await tried() == f"bucket {BUCKET}: put, found, read, removed"
    client = s3_server.client()
    assert "Versions" not in client.list_object_versions(Bucket=BUCKET, Prefix="takumi-doctor/")
    barred = replace(reached, backups=replace(reached.backups, secret_key=SecretStr("wrong")))
    finding = await look("S3 rights", dict(looks(Toolbox(barred), NO_RUNBOOKS))["S3 rights"])
    assert not finding.well


async def test_the_bucket_of_the_anchors_must_lock(cluster: Cluster, s3_server: ObjectStore, tmp_path: Path) -> None:
    places = platform_at(cluster, "postgres", tmp_path, s3_server).backups
    told = await S3Anchors(places, BUCKET, "doctor/", timedelta(days=1)).look()
    assert told == f"bucket {BUCKET} locks objects; it holds 0 under doctor/"
    plain = unique_name("plain").replace("_", "-")
    s3_server.client().create_bucket(Bucket=plain)
    with pytest.raises(OperationFailed, match=r"Object ?Lock"):
        await S3Anchors(places, plain, "doctor/", timedelta(days=1)).look()


async def test_production_on_the_bots_own_server_is_wrong(cluster: Cluster, tmp_path: Path) -> None:
    async with cluster.connect() as connection:
        found = await connection.execute("SELECT system_identifier::text FROM pg_control_system()")
        ((identifier,),) = await found.fetchall()
    reached = platform_at(cluster, "postgres", tmp_path, own=OwnDatabase(identifier, "takumi_bot"))
    assert await apart(Toolbox(reached)) == "no production target is on its server"
    # Staging lies beside production, as the settings have it: the server is production's all the same.
    (staging,) = reached.databases
    production = (replace(staging, environment=Environment.PRODUCTION), replace(staging, name="staging"))
    with pytest.raises(Misconfigured, match="on the same server as production's"):
        await apart(Toolbox(replace(reached, databases=production)))
    elsewhere = tuple(replace(one, port=free_port()) for one in production)
    with pytest.raises(Wrong, match="It is not known whether they are apart"):
        await apart(Toolbox(replace(reached, databases=elsewhere)))


@pytest.mark.skipif(not PGBOUNCER.exists(), reason="PgBouncer is not installed here (apt-get install pgbouncer)")
async def test_a_pooler_before_the_bots_own_database_is_noticed(cluster: Cluster, server_folder: Path) -> None:
    folder, port, account = server_folder / unique_name("pooler"), free_port(), unprivileged_account()
    folder.mkdir()
    (folder / "users.txt").write_text(f'"{SUPERUSER}" "{cluster.passwords[SUPERUSER]}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\npostgres = host=127.0.0.1 port={cluster.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\npool_mode = transaction\nauth_type = plain\n"
        f"auth_file = {folder}/users.txt\n"
    )
    for path in (folder, *folder.iterdir()):
        if account:
            account.take(path)
    child = spawn(Program("pgbouncer", [PGBOUNCER, folder / "pgbouncer.ini"], folder / "log", {}, account, folder))
    url = cluster.url("postgres", SUPERUSER)
    try:
        assert (await greet(url)).direct
        assert not (await _greeted(url.replace(str(cluster.port), str(port)))).direct
    finally:
        await stop(child, signal.SIGTERM, timedelta(seconds=5))


async def _greeted(url: str) -> Greeting:
    async with asyncio.timeout(20):
        while True:
            try:
                return await greet(url)
            except Misconfigured:
                await asyncio.sleep(0.1)


async def test_clocks_that_are_apart_are_told_and_those_that_agree_are_not(cluster: Cluster) -> None:
    clock = (await greet(cluster.url("postgres", SUPERUSER))).clock
    assert skew_of(clock, "its server") == "clocks agree"
    with pytest.raises(Wrong, match=r"The clock of its server and this machine's are [\d.]+ (s|min)"):
        skew_of(clock + timedelta(minutes=1), "its server")


async def test_fix_mends_only_what_a_finding_offers_and_says_what_it_did(tmp_path: Path) -> None:

    async def folder() -> str:
        return _folder(tmp_path / "a" / "b")

    async def key() -> str:
        return _key(tmp_path / "key")

    (tmp_path / "key").write_text("secret", encoding="utf-8")
    (tmp_path / "key").chmod(0o644)
    for looking, path, mode in ((folder, tmp_path / "a" / "b", 0o700), (key, tmp_path / "key", 0o600)):
        before = await look("it", looking)
        assert not before.well
        after = await mended(before)
        assert after.well
        assert "Mended: " in after.told
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert (await look("it", looking)).well
    hopeless = Finding("it", well=False, told="nobody is there")
    assert await mended(hopeless) == hopeless
