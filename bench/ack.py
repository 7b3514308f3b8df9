"""The acknowledgement: our bot, which has recorded the command durably, against default Bolt, which stores nothing.

Both verify the signature and run on aiohttp. Ours runs as `serve --only slack`: the work on what was recorded happens
in other processes, and is not part of an acknowledgement.
"""

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import Load
from bench.processes import free_port, output, python
from bench.results import Compared, Result
from bench.slack_requests import BOT_TOKEN, COMMAND, SIGNING_SECRET
from demo.accounts import embedded_programs, unprivileged_account
from demo.platform.databases import BOT_OWNER, BOT_ROLES, BOT_RUNTIME, create_bot_database
from demo.platform.postgres import Cluster

ROUNDS = 3
PEER = "default slack_bolt AsyncApp, stores nothing"
DATABASE = "takumi_bot"


@dataclass(frozen=True)
class Pattern:
    """How it is loaded, and what is read from the load."""

    compared: Compared
    kind: str
    amount: int
    seconds: int

    def value(self, load: Load) -> float:
        if self.compared.better == "higher":
            return load.per_second
        return 1000 * load.percentile(99 if self.compared.name.endswith("p99") else 50)


PATTERNS = (
    Pattern(Compared("ack.p50", PEER, "ms", 0.1, "lower"), "closed", 1, 3),
    Pattern(Compared("ack.throughput", PEER, "requests/s", 1.3, "higher"), "closed", 32, 4),
    # The aim is 25 ms; the ratio to a peer that only waits for its own poll is printed for what it is worth.
    Pattern(Compared("ack.p99", PEER, "ms", 1.0, "lower"), "open", 300, 4),
)


@dataclass
class Seen:
    """The values of one pattern, a round each."""

    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)


async def run() -> Sequence[Result]:
    """Both servers are up all the time and loaded in turn; only one is loaded at once."""
    async with database() as cluster, ours(cluster) as our_port, peer() as peer_port:
        seen = {pattern: Seen() for pattern in PATTERNS}
        answered = 0
        for _ in range(ROUNDS):
            for pattern in PATTERNS:
                seen[pattern].peer.append(pattern.value(await loaded(peer_port, pattern)))
                load = await loaded(our_port, pattern)
                seen[pattern].ours.append(pattern.value(load))
                answered += len(load.latencies)
        await check_recorded(cluster, answered)
    return [pattern.compared.result(values.ours, values.peer) for pattern, values in seen.items()]


async def loaded(port: int, pattern: Pattern) -> Load:
    """Raises: RuntimeError when anything but 200 was answered: a refusal is quick, and proves nothing."""
    arguments = (str(port), pattern.kind, str(pattern.amount), str(pattern.seconds))
    found = json.loads(await output("-m", "bench.load", *arguments))
    load = Load(tuple(found["latencies"]), found["took_seconds"], found["refused"])
    if load.refused:
        raise RuntimeError(f"{load.refused} of {len(load.latencies)} requests were not acknowledged on port {port}")
    return load


async def check_recorded(cluster: Cluster, answered: int) -> None:
    """Raises: RuntimeError unless every acknowledged command is in the inbox, with its job."""
    async with cluster.connect(DATABASE) as connection:
        cursor = await connection.execute(
            "SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM procrastinate_jobs)"
        )
        row = await cursor.fetchone()
    if row != (answered, answered):
        raise RuntimeError(f"{answered} commands were acknowledged; recorded and deferred: {row}")


@asynccontextmanager
async def database() -> AsyncIterator[Cluster]:
    """An empty database of the bot, as durable as PostgreSQL's defaults are."""
    folder = open_folder()
    passwords = {role: f"bench-{role}" for role in BOT_ROLES}
    try:
        programs = embedded_programs(folder, unprivileged_account())
        async with Cluster(programs, folder / "postgres", free_port(), passwords=passwords) as cluster:
            await create_bot_database(cluster, DATABASE)
            yield cluster
    finally:
        shutil.rmtree(folder)


def open_folder() -> Path:
    """A folder that PostgreSQL's unprivileged account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="takumi-bench-"))
    folder.chmod(0o711)
    return folder


@asynccontextmanager
async def ours(cluster: Cluster) -> AsyncIterator[int]:
    """Our bot in HTTP mode, as it is shipped; yields its port."""
    port = free_port()
    environment = settings(cluster, port)
    await output("-m", "bot", "migrate", environment=environment)
    async with python(port, "-m", "bot", "serve", "--only", "slack", environment=environment):
        yield port


def settings(cluster: Cluster, port: int) -> Mapping[str, str]:
    """The Slack API is never asked: who somebody is gets looked up by the job, not by the acknowledgement."""
    return {
        "TAKUMI_BOT_DATABASE_URL": cluster.url(DATABASE, BOT_RUNTIME),
        "TAKUMI_BOT_MIGRATE_DATABASE_URL": cluster.url(DATABASE, BOT_OWNER),
        "TAKUMI_BOT_ENVIRONMENT": "demo",
        "TAKUMI_BOT_CHANNEL": "C0BENCH",
        "TAKUMI_BOT_COMMAND": COMMAND,
        "TAKUMI_BOT_SLACK_MODE": "http",
        "TAKUMI_BOT_SLACK_API_URL": "http://127.0.0.1:9/api/",
        "TAKUMI_BOT_SLACK_BOT_TOKEN": BOT_TOKEN,
        "TAKUMI_BOT_SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "TAKUMI_BOT_HTTP_PORT": str(port),
        "TAKUMI_BOT_LOG_LEVEL": "INFO",
    }


@asynccontextmanager
async def peer() -> AsyncIterator[int]:
    """Default Bolt; yields its port."""
    port = free_port()
    async with python(port, "-m", "bench.bolt_server", str(port)):
        yield port
