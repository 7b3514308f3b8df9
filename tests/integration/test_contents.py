"""The content hash: the same for the same rows on every version, another one for any change."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.backups import Contents, TableKind, differences
from bot.operations import contents
from bot.operations.comparing import contents_of
from bot.operations.tools.toolbox import Toolbox
from demo.platform.databases import create_platform_database
from demo.platform.postgres import Cluster
from tests.integration.backups import SmallEngine, backup_plan, connected, filled_database, platform, with_restorer
from tests.servers import drop_database, unique_name

TYPES = (Path(__file__).parent.parent / "data" / "every_type.sql").read_text(encoding="utf-8")
# Measured on 15 and 18; a version that answers something else would call every older backup damaged.
EVERY_TYPE_HASHES = ("-6086537601754797693", "-2454218920039349965")


@pytest_asyncio.fixture
async def typed(each_cluster: Cluster) -> AsyncIterator[str]:
    name = unique_name("typed")
    async with each_cluster.connect() as connection:
        await create_platform_database(connection, name)
    async with connected(each_cluster, name) as connection:
        await connection.execute(TYPES)
    yield name
    await drop_database(each_cluster, name)


async def read(cluster: Cluster, database: str, folder: Path) -> Contents:
    tools = SmallEngine(Toolbox(platform(cluster, database, folder))).tools("read")
    return await contents_of(tools, tools.database(database), database)


async def test_every_type_has_the_same_hash_on_every_version(each_cluster: Cluster, typed: str, tmp_path: Path) -> None:
    async with each_cluster.connect() as connection:
        await connection.execute(
            f"ALTER ROLE takumi_maintenance IN DATABASE {typed} SET datestyle = 'SQL, DMY'; "
            f"ALTER DATABASE {typed} SET timezone = 'Asia/Tokyo'; ALTER DATABASE {typed} SET extra_float_digits = -10; "
            f"ALTER DATABASE {typed} SET bytea_output = 'escape'; ALTER DATABASE {typed} SET intervalstyle = 'iso_8601'"
        )
    found = (await read(each_cluster, typed, tmp_path)).tables["public.every_type"]
    assert found.rows == 5
    assert (found.hash_1, found.hash_2) == EVERY_TYPE_HASHES


@pytest.mark.parametrize("confined", [True, False], ids=["confined", "as maintenance"])
async def test_every_kind_of_thing_survives_a_proven_backup(
    each_cluster: Cluster, typed: str, tmp_path: Path, confined: bool
) -> None:
    reached = platform(each_cluster, typed, tmp_path)
    engine = SmallEngine(Toolbox(with_restorer(reached, each_cluster) if confined else reached))
    await engine.execute(await backup_plan(engine.toolbox))
    manifest = engine.earlier["publish"]["backup"]["manifest"]
    kinds = {name: table["kind"] for name, table in manifest["tables"].items()}
    assert kinds["public.stale"] == kinds["public.unfilled"] == TableKind.MATERIALIZED_VIEW
    assert kinds["public.events"] == TableKind.PARTITIONED
    assert manifest["tables"]["public.events_1"]["rows"] + manifest["tables"]["public.events_2"]["rows"] == 365
    assert manifest["tables"]['public."Odd.name"']["rows"] == 1
    assert manifest["tables"]["public.parent"]["rows"] == 1
    assert manifest["sequences"]["public.counted"] == 2
    assert manifest["sequences"]["public.unused"] is manifest["sequences"]["public.downwards"] is None
    assert manifest["large_objects"]["rows"] == 3


async def test_a_table_read_in_parts_has_the_same_hash(
    each_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with filled_database(each_cluster) as name:
        whole = await read(each_cluster, name, tmp_path)
        async with connected(each_cluster, name) as owner:
            await owner.execute("ANALYZE")
        monkeypatch.setattr(contents, "PAGES_AT_ONCE", 7)
        assert await read(each_cluster, name, tmp_path) == whole
    assert whole.tables["public.skills"].rows == 9000


CHANGES = {
    "a value changed": "UPDATE every_type SET i4 = 3 WHERE i4 = 2",
    "two values swapped between rows": "UPDATE pairs SET v = CASE k WHEN 1 THEN 'b' ELSE 'a' END",
    "two values swapped in a row": "UPDATE pairs SET v = w, w = v WHERE k = 1",
    "a duplicated pair": "UPDATE pairs SET k = 1, v = 'a', w = 'c'",
    "a row twice, another gone": "DELETE FROM pairs WHERE k = 2; INSERT INTO pairs SELECT * FROM pairs",
    "NULL became empty": "UPDATE every_type SET t = '' WHERE t IS NULL AND f4 IS NULL",
    "empty became NULL": "UPDATE every_type SET t = NULL WHERE t = ''",
    "the word NULL": "UPDATE every_type SET t = NULL WHERE t = 'NULL'",
    "a digit of a float": "UPDATE every_type SET f8 = 1.0000000000000002e-300 WHERE f8 = 1e-300",
    "white space in json": """UPDATE every_type SET j = '{"b": 1, "a": [null]}' WHERE j IS NOT NULL""",
    "a row of a partition moved": "UPDATE events SET at = '2026-01-02' WHERE at = '2026-12-01'",
    "a sequence put back": "SELECT setval('counted', 1)",
    "a large object's byte": "SELECT lo_put(4711, 1, '\\xfe')",
    "a large object more": "SELECT lo_from_bytea(0, 'x')",
    "an index gone": "ALTER TABLE events DROP CONSTRAINT events_pkey",
    "a trigger gone": "DROP TRIGGER suppressed ON child",
    "a function gone": "DROP FUNCTION answer",
    "a table more": "CREATE TABLE one_more ()",
    "a table gone": "DROP TABLE dropped_column",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_any_change_is_a_difference(cluster: Cluster, tmp_path: Path, change: str) -> None:
    name = unique_name("changed")
    async with cluster.connect() as connection:
        await create_platform_database(connection, name)
    async with connected(cluster, name) as owner:
        await owner.execute(TYPES)
        await owner.execute("CREATE TABLE pairs (k int, v text, w text)")
        await owner.execute("INSERT INTO pairs VALUES (1, 'a', 'c'), (2, 'b', 'c')")
        before = await read(cluster, name, tmp_path)
        assert differences(before, await read(cluster, name, tmp_path)) == ()
        await owner.execute(change)
    assert len(differences(before, await read(cluster, name, tmp_path))) >= 1
    await drop_database(cluster, name)
