"""Alerts taken in, 100 a delivery: our bot, against the same framework that only validates and upserts."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bench.ack import DATABASE, database, settings
from bench.alert_load import ALERTS, TOKEN
from bench.load import Load
from bench.processes import free_port, output, python
from bench.results import Compared, Result
from demo.platform.databases import BOT_OWNER
from demo.platform.postgres import Cluster

ROUNDS = 3
CONNECTIONS = 8
SECONDS = 4
PEER = "aiohttp and pydantic, one upsert by unnest"
THROUGHPUT = Compared("alerts", PEER, "alerts/s", 0.7, "higher")
# The peer's side is the limit itself: at most 250 ms at half of our own rate.
LATENCY = Compared("alerts.p99", "the limit of 250 ms", "ms", 1.0, "lower")
LIMIT_MS = 250.0


async def run() -> Sequence[Result]:
    async with database() as cluster, ours(cluster) as our_port, peer(cluster) as peer_port:
        mine, theirs, late = [], [], []
        for _ in range(ROUNDS):
            theirs.append((await loaded(peer_port)).per_second)
            mine.append((await loaded(our_port)).per_second)
            late.append(1000 * (await loaded(our_port, pace=mine[-1] / 2)).percentile(99))
    rates = ([ALERTS * one for one in mine], [ALERTS * one for one in theirs])
    return [THROUGHPUT.result(*rates), LATENCY.result(late, [LIMIT_MS] * ROUNDS)]


async def loaded(port: int, pace: float = 0) -> Load:
    """Raises: RuntimeError when anything but 200 was answered."""
    found = json.loads(await output("-m", "bench.alert_load", str(port), str(CONNECTIONS), str(SECONDS), str(pace)))
    load = Load(tuple(found["latencies"]), found["took_seconds"], found["refused"])
    if load.refused:
        raise RuntimeError(f"{load.refused} of {len(load.latencies)} deliveries were refused on port {port}")
    return load


@asynccontextmanager
async def ours(cluster: Cluster) -> AsyncIterator[int]:
    """Our bot as it is shipped, the part that takes requests."""
    port = free_port()
    environment = {**settings(cluster, port), "TAKUMI_BOT_ALERTMANAGER_TOKEN": TOKEN}
    await output("-m", "bot", "migrate", environment=environment)
    async with python(port, "-m", "bot", "serve", "--only", "slack", environment=environment):
        yield port


@asynccontextmanager
async def peer(cluster: Cluster) -> AsyncIterator[int]:
    port = free_port()
    async with python(port, "-m", "bench.alert_server", str(port), cluster.url(DATABASE, BOT_OWNER)):
        yield port
