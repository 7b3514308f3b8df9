"""A database that a run left closed does not stay closed: a bot that starts finds it and opens it."""

from datetime import timedelta

from bot.domain.runs import CLOSE_STEP, Origin, Run, RunState, StepRow, StepState
from bot.stores.postgres import PostgresStore
from demo.platform.databases import BOT_RUNTIME
from demo.platform.postgres import Cluster
from tests.builders import a_run
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import STAGING_DATABASE, Product, until
from tests.stores import DEFER_RECEIVED, opened

TARGET = """
SELECT oid::bigint, (SELECT system_identifier::text FROM pg_control_system()), datallowconn
FROM pg_database WHERE datname = %s
"""


async def target(cluster: Cluster) -> tuple[int, str, bool]:
    """(oid, system identifier, whether it takes sessions)."""
    async with cluster.connect() as connection:
        found = await (await connection.execute(TARGET, (STAGING_DATABASE,))).fetchone()
    assert found is not None
    return int(found[0]), str(found[1]), bool(found[2])


async def failed_without_opening(store: PostgresStore, claim: str, oid: int) -> Run:
    """As a run ends that closed its target, and could not open it for all the time it had."""
    closed = StepRow(CLOSE_STEP, "Close the database", StepState.DONE, 1, "closed")
    run = a_run(steps=(closed,), described={"bound": {"oid": oid}}, origin=Origin())
    async with store.work() as work:
        await work.runs.add(run)
        await work.runs.start(run.id, "a dead worker", timedelta(seconds=1), [(claim, True)])
        await work.runs.move(run.id, RunState.RUNNING, RunState.FAILED, failure="Could not put back.")
    return run


async def test_a_bot_that_starts_opens_what_a_run_left_closed(socket_bot: BotUnderTest, product: Product) -> None:
    cluster = product.parts.platform_cluster
    oid, system, _ = await target(cluster)
    await socket_bot.stop()
    async with opened(product.parts.bot_cluster.url(socket_bot.database, BOT_RUNTIME)) as pool:
        store = PostgresStore(pool, nobody_works, DEFER_RECEIVED)
        run = await failed_without_opening(store, f"{system}/{STAGING_DATABASE}", oid)
        async with cluster.connect() as connection:
            await connection.execute(f"ALTER DATABASE {STAGING_DATABASE} ALLOW_CONNECTIONS false".encode())
        assert (await target(cluster)) == (oid, system, False)
        await socket_bot.start()
        await until(lambda: socket_bot.times_logged("target.opened_again") > 0)
        assert (await target(cluster)) == (oid, system, True)
        async with store.work() as work:
            after = await work.runs.get(run.id)
    assert after is not None
    assert (after.step(CLOSE_STEP).state, after.step(CLOSE_STEP).attempt) == (StepState.UNDONE, 2)


async def nobody_works(*_: object) -> None:
    """This run wakes nobody: it has ended."""
