"""One proof from beginning to end: start, torment, wait until it is quiet, ask the witnesses, judge."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from demo.platform.databases import create_bot_database
from demo.workspace.client import Person, Workspace, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import Product
from tests.soak import witnesses
from tests.soak.checker import Entry, Evidence, Verdict, judge
from tests.soak.driver import Driver, Restorer
from tests.soak.inside import Inside
from tests.soak.platform_log import committed_renames, log_statements, statements
from tests.soak.replicas import Replicas
from tests.soak.tormentor import Tormentor

STEPS = ("dump", "upload", "publish", "load", "compare", "properties", "close", "swap")
EVERY_MINUTE = json.dumps({"database-backup": "* * * * *"})
QUIET_SECONDS = 240.0
TAKEOVER_LIMIT_SECONDS = 30.0


@dataclass(frozen=True)
class Length:
    """How long, how hard, and on how many; `lease_seconds` is a setting of the bot, empty for its default."""

    kills: int
    seed: int
    seconds: float
    replicas: int = 3
    lease_seconds: float = 20.0
    pace_seconds: float = 2.0
    ask_every_seconds: float = 6.0


@dataclass
class Report:
    """What is printed in the end."""

    length: Length
    verdict: Verdict
    kills: int
    hits: dict[str, int]
    did: dict[str, int]
    taken_over: int
    takeovers: list[float]
    late: list[str]
    interrupted: int
    requests: int
    results: dict[str, int]
    restarts: int
    took_seconds: float
    notes: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        unhit = [step for step in STEPS if not self.hits.get(step)]
        enough = self.kills >= self.length.kills and not unhit
        return enough and not (self.verdict.findings or self.late or self.notes)

    @property
    def line(self) -> str:
        v = self.verdict
        counts = (
            f"kills={self.kills} takeovers={self.taken_over} interrupted={self.interrupted}"
            f" repeated={len(v.repeated)} lost={len(v.lost)} twice={len(v.twice)}"
            f" left_over={len(v.left_over)} trail={len(v.trail)}"
        )
        return f"{counts} | {self.spread} | requests={self.requests} {self.results} | hits={self.hits} | {self.did}"

    @property
    def spread(self) -> str:
        """The takeovers' distribution, those with an outage in between left out."""
        if not self.takeovers:
            return "no takeover without an outage in between"
        ordered = sorted(self.takeovers)
        p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        few = f"min {ordered[0]:.1f} median {median(ordered):.1f} p95 {p95:.1f} max {ordered[-1]:.1f}"
        return f"{len(ordered)} undisturbed takeovers, s: {few}"


@dataclass(frozen=True)
class Scene:
    """Who is there."""

    product: Product
    bot: BotUnderTest
    inside: Inside
    workspace: Workspace
    person: Person


async def prove(product: Product, length: Length, say: Callable[[str], None]) -> Report:
    """Raises: AssertionError when the replicas cannot even be started."""
    began = time.monotonic()
    await log_statements(product.parts.platform_cluster)
    databases_before = set(await witnesses.databases(product.parts.platform_cluster))
    bot = await _installed(product, f"Takumi {chr(97 + length.seed % 26)}{chr(97 + length.seed // 26 % 26)}")
    settings = {"TAKUMI_BOT_LEASE_SECONDS": str(length.lease_seconds), "TAKUMI_BOT_SCHEDULES": EVERY_MINUTE}
    replicas = Replicas(bot, length.replicas, settings)
    objects_before = product.s3_keys()
    async with product.people() as workspace:
        inside = Inside(product.parts.bot_cluster, bot.database)
        scene = Scene(product, bot, inside, workspace, workspace.person("Aiko"))
        try:
            await replicas.start()
            driver = Driver(bot, scene.person, length.seed, length.ask_every_seconds)
            emi, cluster = workspace.person("Emi"), product.parts.platform_cluster
            restorer = Restorer(bot, scene.person, emi, cluster, length.ask_every_seconds)
            tormentor = _tormentor(scene, length, replicas)
            async with approving(restorer):
                await _torment(driver, restorer, tormentor, length)
                say(f"{tormentor.kills} kills; waiting until all is quiet")
                await replicas.until_ready()
                quiet = await _until_stopped(scene, replicas)
            evidence = await _ask(scene, driver, restorer)
            evidence.objects -= objects_before
            evidence.own_databases = databases_before
        finally:
            await replicas.stop()
    report = _report(length, tormentor, evidence, time.monotonic() - began)
    report.restarts = replicas.restarts
    report.notes += [] if quiet else [f"it was not quiet after {QUIET_SECONDS:g} s"]
    return report


async def _installed(product: Product, name: str) -> BotUnderTest:
    """Installed and migrated; the replicas serve."""
    bot = BotUnderTest(product.parts, name, f"/{name.lower().replace(' ', '-')}")
    await create_bot_database(product.parts.bot_cluster, bot.database)
    await bot.prepare()
    return bot


def _tormentor(scene: Scene, length: Length, replicas: Replicas) -> Tormentor:
    return Tormentor(
        length.seed,
        replicas,
        scene.inside,
        scene.product.parts.bot_cluster,
        scene.product.parts.platform_cluster,
        scene.workspace,
        STEPS,
        pause_seconds=1.6 * length.lease_seconds,
        pace_seconds=length.pace_seconds,
    )


async def _torment(driver: Driver, restorer: Restorer, tormentor: Tormentor, length: Length) -> None:
    stop = asyncio.Event()
    driving = [asyncio.create_task(driver.drive(stop)), asyncio.create_task(restorer.ask(stop))]
    try:
        await tormentor.torment(length.kills, asyncio.get_running_loop().time() + length.seconds)
    finally:
        stop.set()
        await asyncio.gather(*driving)


@asynccontextmanager
async def approving(restorer: Restorer) -> AsyncIterator[None]:
    """Somebody watches the cards until the block ends."""
    task = asyncio.create_task(restorer.approve())
    try:
        yield
    finally:
        if task.done():
            task.result()  # why it is over
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until_stopped(scene: Scene, replicas: Replicas) -> bool:
    """Stopped while all was quiet: when the calendar had begun something just then, they end it first."""
    quiet = await _until_quiet(scene)
    await replicas.stop()
    if quiet and await scene.inside.rows(_UNFINISHED):
        await replicas.start()
        quiet = await _until_quiet(scene)
        await replicas.stop()
    return quiet


async def _until_quiet(scene: Scene) -> bool:
    """Every run has its result, and nothing is left to work on; False when that takes too long."""
    until = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < until:
        mine = await _threads(scene)
        told = all(one.result and not one.buttons for one in mine) and not await _left_over(scene, mine)
        if told and _between_minutes() and not await scene.inside.rows(_UNFINISHED):
            return True
        await asyncio.sleep(1)
    return False


def _between_minutes() -> bool:
    """Whether the calendar fires neither now nor in the next seconds."""
    return 5 < time.time() % 60 < 50


async def _left_over(scene: Scene, threads: Sequence[witnesses.Thread]) -> bool:
    """Whether there is something that the bot will collect in a moment."""
    names = await witnesses.databases(scene.product.parts.platform_cluster)
    return any(name.endswith(one.run) and "before" not in name for name in names for one in threads) or any(
        scene.bot.backups.glob(".unfinished/*")
    )


async def _threads(scene: Scene) -> list[witnesses.Thread]:
    seen = await witnesses.threads(scene.workspace, scene.person, scene.bot.channel)
    return [thread for thread in seen if thread.head.get("user") == scene.bot.user]


_UNFINISHED = """
SELECT 1 FROM inbox WHERE worked_at IS NULL
UNION ALL SELECT 1 FROM runs WHERE finished_at IS NULL
UNION ALL SELECT 1 FROM messages WHERE shown_at < wanted_at
UNION ALL SELECT 1 FROM procrastinate_jobs WHERE status = 'doing' OR (status = 'todo' AND scheduled_at IS NULL)
"""
_TRAIL = "SELECT at, body FROM audit_entries ORDER BY id"
_LEFT_JOBS = """
SELECT task_name, args->>'key', status::text FROM procrastinate_jobs
WHERE status IN ('doing', 'failed')
"""


async def _ask(scene: Scene, driver: Driver, restorer: Restorer) -> Evidence:
    product, inside, cluster = scene.product, scene.inside, scene.product.parts.platform_cluster
    threads = await _threads(scene)
    dumps, strays = witnesses.backups(scene.bot.backups)
    ids = {thread.run for thread in threads}
    done = [one for one in statements(cluster.log) if one.run in ids]
    return Evidence(
        asked=driver.asked,
        restores=restorer.asked,
        approved=restorer.approved,
        refused=await _private(scene, restorer.approver),
        threads=threads,
        private=await _private(scene, scene.person),
        done=done,
        renames=committed_renames(done),
        databases=await witnesses.databases(cluster),
        sessions=await witnesses.sessions(cluster),
        programs=witnesses.programs(ids),
        dumps=dumps,
        strays=strays,
        objects=product.s3_keys(),
        trail=[_entry(*row) for row in await inside.rows(_TRAIL)],
        recorded={str(file) for (file,) in await inside.rows("SELECT file FROM backups")},
        unworked=await inside.rows("SELECT id, kind FROM inbox WHERE worked_at IS NULL"),
        waiting=await inside.rows(_LEFT_JOBS),
    )


async def _private(scene: Scene, person: Person) -> list[str]:
    """What the bot told that person alone, but for what it could not confirm."""
    seen = await witnesses.messages(scene.workspace, person, scene.bot.channel)
    mine = [m for m in seen if m.get("is_ephemeral") and m.get("user") == scene.bot.user]
    return [text for text in map(visible_text, mine) if "I could not confirm" not in text]


def _entry(at: datetime, body: str) -> Entry:
    parsed: dict[str, Any] = json.loads(body)
    return Entry(at, parsed["verb"], parsed.get("run", ""), parsed.get("details", {}), parsed["actor"]["principal"])


def _report(length: Length, tormentor: Tormentor, evidence: Evidence, took: float) -> Report:
    takeovers, late = _takeovers(tormentor, evidence)
    swaps = sum(thread.succeeded and "Former database" in thread.facts for thread in evidence.threads)
    succeeded = sum(thread.succeeded for thread in evidence.threads)
    results = {"backups": succeeded - swaps, "restores": swaps, "otherwise": len(evidence.threads) - succeeded}
    return Report(
        length,
        judge(evidence),
        tormentor.kills,
        dict(tormentor.hits),
        dict(tormentor.did),
        sum(entry.verb == "run.taken_over" for entry in evidence.trail),
        takeovers,
        late,
        sum(entry.verb == "run.interrupted" for entry in evidence.trail),
        len(evidence.asked) + len(evidence.restores),
        results,
        0,
        took,
    )


def _takeovers(tormentor: Tormentor, evidence: Evidence) -> tuple[list[float], list[str]]:
    """Seconds from each blow to the takeover of each run that it left; and those over the limit, in words."""
    taken = [entry for entry in evidence.trail if entry.verb == "run.taken_over"]
    seconds, late = [], []
    for hurt in tormentor.hurts:
        for run in hurt.runs:
            after = [entry.at.timestamp() for entry in taken if entry.run == run and entry.at.timestamp() > hurt.at]
            if not after or _disturbed(tormentor.outages, hurt.at, after[0]):
                continue
            seconds.append(after[0] - hurt.at)
            if seconds[-1] > TAKEOVER_LIMIT_SECONDS:
                late.append(f"run {run}, {hurt.how}: taken over after {seconds[-1]:.1f} s")
    return seconds, late


def _disturbed(outages: Sequence[tuple[float, float]], since: float, until: float) -> bool:
    """Whether a database was away, or had just come back, between the two."""
    return any(began < until and ended + 10 > since for began, ended in outages)
