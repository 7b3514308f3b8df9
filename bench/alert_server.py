"""The peer: aiohttp that validates a delivery with pydantic and upserts its alerts with one `unnest`, no more."""

import sys
from collections.abc import AsyncIterator

from aiohttp import web
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from bench.alert_load import PATH
from bot.web.alertmanager import Payload

TABLE = """
CREATE TABLE IF NOT EXISTS bench_alerts (fingerprint text PRIMARY KEY, status text NOT NULL,
    starts_at timestamptz NOT NULL, labels jsonb NOT NULL, annotations jsonb NOT NULL)
"""
UPSERT = """
INSERT INTO bench_alerts
SELECT * FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::jsonb[], %s::jsonb[])
ON CONFLICT (fingerprint) DO UPDATE SET status = excluded.status, starts_at = excluded.starts_at,
    labels = excluded.labels, annotations = excluded.annotations
"""


def build(url: str) -> web.Application:
    pool = AsyncConnectionPool(url, min_size=1, max_size=8, open=False)

    async def take(request: web.Request) -> web.Response:
        told = sorted(Payload.model_validate_json(await request.read()).alerts, key=lambda one: one.fingerprint)
        columns = (
            [one.fingerprint for one in told],
            [one.status.value for one in told],
            [one.starts_at for one in told],
            [Jsonb(one.labels) for one in told],
            [Jsonb(one.annotations) for one in told],
        )
        async with pool.connection() as connection:
            await connection.execute(UPSERT, columns)
        return web.json_response({"ok": True})

    async def opened(_: web.Application) -> AsyncIterator[None]:
        await pool.open()
        async with pool.connection() as connection:
            await connection.execute(TABLE)
        yield
        await pool.close()

    application = web.Application()
    application.cleanup_ctx.append(opened)
    application.router.add_post(PATH, take)
    return application


if __name__ == "__main__":
    web.run_app(build(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
