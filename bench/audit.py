"""The trail: recording against a plain INSERT of the same row, chaining with its lag, verifying against bare hashlib.

Both sides of `audit.record` use the same unit of work and durability, in short rounds taken in turn. The peer's row is
made beforehand; its table is partitioned and has the same columns and indexes, but no signature to make, no checks, no
triggers, and not the two indexes of the chain.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from bench.ack import DATABASE, database, settings
from bench.processes import free_port, output, python
from bench.results import Compared, Result
from bot.domain.audit import Entry, Verb
from bot.domain.people import Actor, Surface
from bot.domain.redaction import NOTHING_SECRET
from bot.stores.audit import body_of
from bot.stores.chain import PostgresChain
from bot.stores.connections import Connection, Pool, make_pool, transaction
from bot.stores.exporting import Exports
from bot.stores.postgres import PostgresStore
from bot.stores.signing import Writer, passing_key
from bot.verifier import Verifier, is_signed
from demo.platform.databases import BOT_OWNER, BOT_RUNTIME, BOT_SEQUENCER
from demo.platform.postgres import Cluster

ROUNDS, TURNS = 3, 8
SECONDS = 0.75
BACKLOG = 40_000
WRITERS = (1, 8, 32)
PLAIN = "plain INSERT of the same row, one a transaction"
ENTRY = Entry(
    Actor("slack:T0BENCH:U0BENCH", Surface.SLACK, "U0BENCH"),
    Verb.STEP_INTENDED,
    "backup-database",
    "0123456789abcdef0123",
    "a" * 64,
    {"attempt": 1, "does": "Dump takumi with pg_dump into a file of its own", "step": "dump"},
)
_COPY = """
CREATE TABLE plain (LIKE audit_entries INCLUDING DEFAULTS INCLUDING GENERATED, PRIMARY KEY (id, at))
    PARTITION BY RANGE (at);
CREATE TABLE plain_months PARTITION OF plain FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
CREATE INDEX ON plain (run, id) WHERE run <> '';
CREATE INDEX ON plain (principal, id);
CREATE INDEX ON plain USING brin (at) WITH (pages_per_range = 16);
GRANT INSERT ON plain TO takumi_bot;
"""
_PLAIN = "INSERT INTO plain (body, writer, number, signature) VALUES (%s, %s, %s, %s)"
_LEFT = "SELECT count(*) AS left FROM audit_entries WHERE position IS NULL"
_LAG = """
SELECT count(*) AS entries,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM signed_at - at) * 1000) AS late
FROM audit_entries JOIN audit_heads ON position BETWEEN first AND last WHERE at >= %s
"""

Once = Callable[[], Awaitable[None]]


async def run() -> Sequence[Result]:
    async with database() as cluster:
        environment = dict(settings(cluster, free_port()))
        environment["TAKUMI_BOT_SEQUENCER_DATABASE_URL"] = cluster.url(DATABASE, BOT_SEQUENCER)
        await output("-m", "bot", "migrate", environment=environment)
        async with cluster.connect(DATABASE, BOT_OWNER) as connection:
            await connection.execute(_COPY.encode())
        async with make_pool(cluster.url(DATABASE, BOT_RUNTIME), max_size=max(WRITERS)) as pool:
            store = PostgresStore(pool, _no_jobs, "count(*)")
            recorded = [await recording(writers, store) for writers in WRITERS]
            chained = await chaining(cluster, store, pool)
            # Before the lag is measured, which leaves as many small batches as there were looks.
            verified = await verifying(pool)
            return [*recorded, chained, *verified, await lagging(environment, store, pool)]


async def _no_jobs(*_: object) -> None:
    """Nothing here starts work."""


async def recording(writers: int, store: PostgresStore) -> Result:
    compared = Compared(f"audit.record.{writers}", PLAIN, "entries/s", 0.9, "higher")
    row = (body_of(ENTRY, NOTHING_SECRET), "a" * 32, 1, "b" * 128)

    async def ours() -> None:
        async with store.work() as work:
            await work.audit.record(ENTRY)

    async def plain() -> None:
        async with store.work() as work, _connection(work).cursor() as cursor:
            await cursor.execute(_PLAIN, row)

    mine: list[float] = []
    theirs: list[float] = []
    for _ in range(TURNS):
        theirs.append(await rate(plain, writers))
        mine.append(await rate(ours, writers))
    return compared.result(mine, theirs)


def _connection(work: Any) -> Connection:
    """The unit of work is the same on both sides; what is compared is what goes into it."""
    connection: Connection = work._connection  # noqa: SLF001 - nobody but a benchmark inserts past the store
    return connection


async def rate(once: Once, writers: int) -> float:
    """How often a second so many do it at once."""
    begun = time.perf_counter()

    async def write() -> int:
        done = 0
        while time.perf_counter() - begun < SECONDS:
            await once()
            done += 1
        return done

    counts = await asyncio.gather(*(write() for _ in range(writers)))
    return sum(counts) / (time.perf_counter() - begun)


async def chaining(cluster: Cluster, store: PostgresStore, pool: Pool) -> Result:
    """A backlog worked off."""
    rates = []
    async with make_pool(cluster.url(DATABASE, BOT_SEQUENCER), max_size=2) as sequencing:
        chain = PostgresChain(sequencing, passing_key())
        await chain.publish_key()
        await store.publish_key()
        await chain.take("bench", "bench", timedelta(hours=1))
        await chain_all(chain)
        for _ in range(ROUNDS):
            await fill(pool)
            begun = time.perf_counter()
            rates.append(await chain_all(chain) / (time.perf_counter() - begun))
        await chain.take("bench", "bench", timedelta())  # given back, for whoever chains next
    aim = "the aim of 20,000 entries a second"
    return Compared("audit.chain", aim, "entries/s", 1.0, "higher").result(rates, [20_000.0])


async def lagging(environment: Mapping[str, str], store: PostgresStore, pool: Pool) -> Result:
    """How late entries are chained by `serve --only sequencer`, while 32 writers record."""
    port = int(environment["TAKUMI_BOT_HTTP_PORT"])
    quiet = {**environment, "TAKUMI_BOT_LOG_LEVEL": "ERROR"}
    async with python(port, "-m", "bot", "serve", "--only", "sequencer", environment=quiet):
        await until_chained(pool)
        late = [await lag(store, pool) for _ in range(ROUNDS)]
    aim = "the aim of 250 ms, for every entry of 32 writers"
    return Compared("audit.chain.lag.p99", aim, "ms", 1.0, "lower").result(late, [250.0])


async def chain_all(chain: PostgresChain) -> int:
    chained = 0
    while done := await chain.chain("bench", 2048):
        chained += done
    return chained


async def fill(pool: Pool) -> None:
    """Entries that nobody has chained, each with a signature of its own."""
    writer, body = Writer(passing_key()), body_of(ENTRY, NOTHING_SECRET)
    async with transaction(pool) as connection:
        await connection.execute("SET LOCAL statement_timeout = 0")
        for _ in range(BACKLOG // 2000):
            numbers = [writer.take() for _ in range(2000)]
            signatures = [writer.sign(number, body) for number in numbers]
            await connection.execute(
                "INSERT INTO audit_entries (body, writer, number, signature) "
                "SELECT %s, %s, n, s FROM unnest(%s::bigint[], %s::text[]) t (n, s)",
                (body, writer.name, numbers, signatures),
            )


async def lag(store: PostgresStore, pool: Pool) -> float:
    """The 99th percentile of the time from an entry's record to its batch's head, in milliseconds."""
    async with store.work() as work:
        since = await work.now()

    async def ours() -> None:
        async with store.work() as work:
            await work.audit.record(ENTRY)

    await rate(ours, max(WRITERS))
    await until_chained(pool)
    async with transaction(pool) as connection:
        row = await (await connection.execute(_LAG, (since,))).fetchone()
    if row is None or row["entries"] == 0:
        raise RuntimeError("nothing was recorded, so that nothing can be late")
    return float(row["late"])


async def until_chained(pool: Pool) -> None:
    """Raises: TimeoutError when nobody chains."""
    async with asyncio.timeout(120):
        await _until_chained(pool)


async def _until_chained(pool: Pool) -> None:
    while True:
        async with transaction(pool) as connection:
            row = await (await connection.execute(_LEFT)).fetchone()
        if row is not None and row["left"] == 0:
            return
        await asyncio.sleep(0.1)


async def verifying(pool: Pool) -> list[Result]:
    """The chain, its trees and heads against hashlib alone over the same bytes; signatures as a check of their own."""
    lines = [line async for line in Exports(pool).lines()]
    hashed = [line[67:-1] for line in lines if line.startswith(b"E ")]
    mine, theirs = [], []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for line in hashed:
            hashlib.sha256(line).digest()
        theirs.append(len(hashed) / (time.perf_counter() - begun))
        begun = time.perf_counter()
        report = Verifier(signatures=False, numbers=False).check(lines)
        mine.append(len(hashed) / (time.perf_counter() - begun))
        if report.problems:
            raise RuntimeError(f"the benchmark's own trail is broken: {report.problems[0]}")
    bare = Compared("audit.verify", "bare hashlib over the same bytes", "entries/s", 0.5, "higher")
    return [bare.result(mine, theirs), signed(lines)]


def signed(lines: Sequence[bytes]) -> Result:
    """Signatures of entries, through our check and through cryptography's own call."""
    key = passing_key()
    public, message = key.private.public_key(), lines[1][67 + 192 : -1]
    signature = key.sign(message)
    mine, theirs = [], []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for _ in range(1000):
            public.verify(bytes.fromhex(signature), message)
        theirs.append(1000 / (time.perf_counter() - begun))
        begun = time.perf_counter()
        if not all(is_signed([key.public], signature.encode(), message) for _ in range(1000)):
            raise RuntimeError("a good signature was refused")
        mine.append(1000 / (time.perf_counter() - begun))
    return Compared("audit.signatures", "cryptography's verify, one key", "entries/s", 0.5, "higher").result(
        mine, theirs
    )
