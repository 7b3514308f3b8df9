"""The demo platform's databases and API: the real schema, rows that a seed decides, and an honest `/health`."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
import pytest_asyncio

from demo.children import Program, run_to_end
from demo.module_server import ModuleServer
from demo.platform.chain import ChainNode
from demo.platform.databases import (
    PLATFORM_MAINTENANCE,
    PLATFORM_OWNER,
    create_platform_database,
    create_platform_roles,
)
from demo.platform.postgres import Cluster
from demo.platform.redis import RedisServer
from demo.platform.rows import PRODUCTION, Size, create_filled_database
from tests.servers import OTHER_VERSION, ROLES, ClusterFactory, drop_database, free_port, programs_of, unique_name

SMALL = Size(profiles=300, skills=900, endorsements=1500, few=120)
# The columns that the platform is known by; it has more.
COLUMNS = {
    "profiles": "id wallet_address profile_id name bio avatar_url metadata created_at updated_at block_number "
    "transaction_hash",
    "skills": "id profile_id skill_id skill_name category description evidence_url metadata is_verified verified_at "
    "verified_by created_at",
    "endorsements": "id endorsement_id skill_id endorser_address endorser_profile_id rating comment created_at",
    "indexer_state": "contract_address last_indexed_block last_indexed_at is_syncing error_count last_error",
    "blockchain_events": "transaction_hash log_index",
    "users": "",
    "verification_requests": "status",
    "notifications": "",
    "api_keys": "",
}


@pytest_asyncio.fixture
async def platform(each_cluster: Cluster) -> AsyncIterator[tuple[Cluster, str]]:
    """A small filled platform database on PostgreSQL 18, then on 15."""
    name = unique_name("takumi")
    await create_filled_database(each_cluster, name, SMALL)
    yield each_cluster, name
    await drop_database(each_cluster, name)


def test_the_demo_is_of_the_promised_size():
    assert (PRODUCTION.profiles, PRODUCTION.skills, PRODUCTION.endorsements) >= (100_000, 300_000, 500_000)


async def test_the_schema_is_the_platform_s(platform: tuple[Cluster, str]):
    cluster, name = platform
    found = await rows(cluster, name, "SELECT table_name, column_name FROM information_schema.columns")
    for table, columns in COLUMNS.items():
        assert {(table, column) for column in columns.split()} <= set(found), table
        assert any(row[0] == table for row in found), table


async def test_every_table_has_its_rows_and_sequences_stand_behind_them(platform: tuple[Cluster, str]):
    cluster, name = platform
    counts = {table: (await rows(cluster, name, f"SELECT count(*) FROM {table}"))[0][0] for table in COLUMNS}  # noqa: S608 - our own names
    assert (counts["profiles"], counts["skills"], counts["endorsements"]) == (300, 900, 1500)
    assert min(counts.values()) > 0
    async with cluster.connect(name, PLATFORM_OWNER) as connection:
        cursor = await connection.execute("INSERT INTO profiles (wallet_address) VALUES ('0xnew') RETURNING profile_id")
        assert await cursor.fetchone() == (301,)


async def test_the_rows_hold_what_backups_stumble_over(platform: tuple[Cluster, str]):
    cluster, name = platform
    for condition in (
        "bio IS NULL",
        "bio LIKE E'%\\n%'",
        "bio LIKE '%\\\\%'",
        "bio ~ '[^[:ascii:]]'",
        "bio LIKE '%''%'",
    ):
        assert (await rows(cluster, name, f"SELECT count(*) FROM profiles WHERE {condition}"))[0][0], condition  # noqa: S608 - ours
    assert (await rows(cluster, name, "SELECT count(*) FROM endorsements WHERE comment = ''"))[0][0] > 0
    assert (await rows(cluster, name, "SELECT max(length(wallet_address)) FROM profiles"))[0][0] == 42


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE endorsements SET rating = 6 WHERE endorsement_id = 1", psycopg.errors.CheckViolation),
        ("UPDATE skills SET profile_id = 0 WHERE skill_id = 1", psycopg.errors.ForeignKeyViolation),
        ("INSERT INTO profiles (wallet_address) SELECT wallet_address FROM profiles", psycopg.errors.UniqueViolation),
        ("UPDATE verification_requests SET status = 'odd'", psycopg.errors.CheckViolation),
    ],
)
async def test_the_constraints_hold(platform: tuple[Cluster, str], statement: str, error: type[Exception]):
    cluster, name = platform
    async with cluster.connect(name, PLATFORM_OWNER) as connection:
        with pytest.raises(error):
            await connection.execute(statement)


async def test_a_seed_decides_every_row_on_every_version(cluster: Cluster, postgres_cluster: ClusterFactory):
    first = await content_of_a_filled_database(cluster, seed=7)
    assert await content_of_a_filled_database(cluster, seed=7) == first
    other_seed = await content_of_a_filled_database(cluster, seed=8)
    assert all(other_seed[table] != first[table] for table in ("profiles", "skills", "endorsements", "users"))
    older = postgres_cluster(OTHER_VERSION)
    assert await content_of_a_filled_database(older, seed=7) == first


async def content_of_a_filled_database(cluster: Cluster, seed: int) -> dict[str, Any]:
    name = unique_name("seeded")
    await create_filled_database(cluster, name, SMALL, seed)
    try:
        return {table: (await rows(cluster, name, content_query(table)))[0] for table in COLUMNS}
    finally:
        await drop_database(cluster, name)


def content_query(table: str) -> str:
    rows = f"SELECT {table}::text x FROM {table}"  # noqa: S608 - our own table names
    return f"SELECT count(*), md5(string_agg(q.x, '|' ORDER BY q.x COLLATE \"C\")) FROM ({rows}) q"  # noqa: S608 - as above


async def test_a_half_filled_database_of_a_crash_is_filled_again(cluster: Cluster):
    name = unique_name("crashed")
    async with cluster.connect() as connection:
        await create_platform_database(connection, f"{name}_unfinished")
    await create_filled_database(cluster, name, SMALL)
    assert (await rows(cluster, name, "SELECT count(*) FROM skills"))[0][0] == 900
    names = [row[0] for row in await rows(cluster, "postgres", "SELECT datname FROM pg_database")]
    assert f"{name}_unfinished" not in names
    await drop_database(cluster, name)


async def test_the_maintenance_role_can_dump_and_restore_it(platform: tuple[Cluster, str], tmp_path: Path):
    cluster, name = platform
    copy = unique_name("copy")
    async with cluster.connect("postgres", PLATFORM_MAINTENANCE) as connection:
        await connection.execute(f"CREATE DATABASE {copy} OWNER takumi")
    try:
        await run_to_end(program_of(cluster, "pg_dump", ["-f", tmp_path / "dump.sql", "-d"], name, tmp_path))
        restore = ["-v", "ON_ERROR_STOP=1", "-q", "-f", tmp_path / "dump.sql", "-d"]
        await run_to_end(program_of(cluster, "psql", restore, copy, tmp_path))
        for table in COLUMNS:
            assert await rows(cluster, copy, content_query(table)) == await rows(cluster, name, content_query(table))
    finally:
        await drop_database(cluster, copy)


def program_of(cluster: Cluster, name: str, arguments: list[Any], database: str, folder: Path) -> Any:
    url = cluster.url(database, PLATFORM_MAINTENANCE)
    return Program(name, [cluster.programs / name, *arguments, url], folder / f"{name}.log", {})


async def test_pg_stat_statements_counts_queries_for_the_maintenance_role(platform: tuple[Cluster, str]):
    cluster, name = platform
    async with cluster.connect(name, PLATFORM_MAINTENANCE) as connection:
        found = await connection.execute("SELECT query FROM pg_stat_statements WHERE query LIKE '%generate_series%'")
        assert await found.fetchall()


async def test_health_turns_503_when_the_database_or_redis_is_away_and_comes_back(server_folder: Path):
    programs = programs_of(18, server_folder)
    cluster = Cluster(
        programs, server_folder / "api-pg", free_port(), passwords=dict.fromkeys(ROLES, "p"), settings=STATS
    )
    redis = RedisServer(server_folder / "api-redis", free_port(), server_folder / "api-redis.log")
    chain = ChainNode(server_folder / "api-chain", free_port(), server_folder / "api-chain.log")
    api = api_of(cluster, redis, chain, server_folder / "api.log")
    async with cluster:
        await create_platform_roles(cluster)
        await create_filled_database(cluster, "takumi", SMALL)
        for server in (redis, chain, api):
            await server.start()
        try:
            await it_tells_the_truth(api, redis, cluster)
        finally:
            for server in (api, chain, redis):
                await server.stop()


STATS = {"shared_preload_libraries": "pg_stat_statements"}


def api_of(cluster: Cluster, redis: RedisServer, chain: ChainNode, log: Path) -> ModuleServer:
    port = free_port()
    addresses = {
        "DATABASE_URL": cluster.url("takumi", PLATFORM_OWNER),
        "REDIS_URL": redis.url,
        "CHAIN_RPC_URL": chain.url,
    }
    return ModuleServer("demo.platform.api", ["--port", str(port)], port, log, addresses)


async def it_tells_the_truth(api: ModuleServer, redis: RedisServer, cluster: Cluster) -> None:
    async with aiohttp.ClientSession(api.url) as client:
        status, body = await health(client)
        assert (status, body["success"], body["status"], body["environment"]) == (200, True, "healthy", "demo")
        assert {"timestamp", "uptime"} <= set(body)
        await profiles_and_metrics(client, cluster)
        await redis.stop()
        assert (await health(client))[0] == 503
        await redis.start()
        assert (await health(client))[0] == 200
        await cluster.stop()
        status, body = await health(client)
        assert (status, body["success"], body["status"]) == (503, False, "unhealthy")
        assert "takumi_profiles_total" not in await text_of(client, "/metrics")
        await cluster.start()
        async with asyncio.timeout(20):
            while (await health(client))[0] != 200:  # noqa: ASYNC110 - an HTTP server has no event to wait for
                await asyncio.sleep(0.1)


async def profiles_and_metrics(client: aiohttp.ClientSession, cluster: Cluster) -> None:
    ((address, name),) = await rows(cluster, "takumi", "SELECT wallet_address, name FROM profiles WHERE profile_id = 1")
    for _ in range(2):  # from the database, then from the cache
        async with client.get(f"/api/profiles/{address}") as answer:
            assert (await answer.json())["name"] == name
    async with client.get("/api/profiles/0xnobody") as answer:
        assert answer.status == 404
    text = await text_of(client, "/metrics")
    assert "takumi_profiles_total 300\n" in text
    assert 'takumi_http_requests_total{method="GET",route="/api/profiles/{address}",status="200"} 2\n' in text
    for name in METRICS:
        assert f"# TYPE {name} " in text, name


METRICS = (
    "takumi_http_request_duration_seconds",
    "takumi_http_requests_total",
    "takumi_indexer_block_height",
    "takumi_indexer_block_lag",
    "takumi_db_connections_active",
    "takumi_profiles_total",
    "takumi_profile_creations_total",
    "takumi_api_latency_seconds",
)


async def health(client: aiohttp.ClientSession) -> tuple[int, dict[str, Any]]:
    async with client.get("/health") as answer:
        return answer.status, await answer.json()


async def text_of(client: aiohttp.ClientSession, path: str) -> str:
    async with client.get(path) as answer:
        return await answer.text()


async def rows(cluster: Cluster, database: str, query: str) -> list[Any]:
    async with cluster.connect(database) as connection:
        return await (await connection.execute(query)).fetchall()
