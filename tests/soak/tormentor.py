"""What can happen to a bot: killed, paused, cut off from its database or its platform, by a Slack that is away.

Everything is drawn from one seed, so that a run of it can be told; when it hits what, the machine decides.
"""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from demo.platform.postgres import Cluster
from demo.workspace.client import Workspace
from tests.soak.inside import Inside
from tests.soak.replicas import Replica, Replicas

AIM_SECONDS = 8.0
STARTING = "kill while starting"
SLACK_FAULTS: Sequence[tuple[str, dict[str, object]]] = (
    ("ratelimited", {"method": "chat.postMessage", "seconds": 2, "times": 2}),
    ("ratelimited", {"method": "*", "seconds": 1, "times": 5}),
    ("drop_after", {"method": "chat.postMessage", "times": 2}),
    ("drop_before", {"method": "chat.postMessage", "times": 2}),
    ("drop_after", {"method": "chat.update", "times": 2}),
    ("http_error", {"method": "*", "status": 503, "times": 4}),
    ("delay", {"method": "chat.postMessage", "seconds": 3, "times": 2}),
    ("duplicate_deliveries", {"delivery": "*", "times": 3}),
    ("lose_acks", {"delivery": "*", "times": 1}),
    ("disconnect_sockets", {"reason": "refresh_requested"}),
)


@dataclass
class Hurt:
    """A worker that was taken from its runs: when (seconds since the epoch), which, and how."""

    at: float
    runs: Sequence[str]
    how: str


@dataclass
class Tormentor:
    """Torments until so many kills are done; `steps` are those in which a worker must be killed at least once."""

    seed: int
    replicas: Replicas
    inside: Inside
    bot_cluster: Cluster
    platform: Cluster
    workspace: Workspace
    steps: Sequence[str]
    pause_seconds: float
    pace_seconds: float = 2.0
    kills: int = 0
    hurts: list[Hurt] = field(default_factory=list)
    hits: Counter[str] = field(default_factory=Counter)
    did: Counter[str] = field(default_factory=Counter)
    outages: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - told again from its seed, and no secret
        self._pauses: set[asyncio.Task[None]] = set()

    async def torment(self, kills: int, until: float) -> None:
        """Until so many kills and every step was hit, or the loop's time is over."""
        loop = asyncio.get_running_loop()
        try:
            while loop.time() < until and (self.kills < kills or self._missing()):
                await self._next()()
                await asyncio.sleep(self._random.uniform(0.1, 1.0) * self.pace_seconds)
        finally:
            await asyncio.gather(*self._pauses)
            await self.workspace.fault("clear")

    def _missing(self) -> list[str]:
        return [step for step in self.steps if not self.hits[step]]

    def _next(self) -> Callable[[], Awaitable[None]]:
        kinds: list[tuple[Callable[[], Awaitable[None]], float]] = [
            (self.kill_any, 38),
            (self.kill_inside, 38),
            (self.pause, 8),
            (self.restart_bot_database, 4),
            (self.restart_platform, 3),
            (self.trouble_slack, 9),
        ]
        return self._random.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]

    async def kill_any(self) -> None:
        """At a random moment."""
        await asyncio.sleep(self._random.uniform(0, 1.5))
        if awake := self.replicas.awake:
            replica = self._random.choice(awake)
            # One that is still starting has nothing to lose: it does not count.
            await self._kill(replica, "kill" if await replica.is_serving() else STARTING)

    async def kill_inside(self) -> None:
        """Inside a step: one that was not hit so far, if there is one."""
        found = await self.inside.worker_in(self._missing() or self.steps, AIM_SECONDS)
        replica = self.replicas.of_pid(found[0]) if found else None
        if found is None or replica is None:
            return
        await asyncio.sleep(self._random.choice((0, 0, 0.02, 0.1)))
        if replica.is_up:
            await self._kill(replica, f"kill in {found[2]}")
            self.hits[found[2]] += await self.inside.is_still_in(found[1], found[2])

    async def _kill(self, replica: Replica, how: str) -> None:
        pid = replica.pid
        at = await replica.kill()
        self.kills += how != STARTING
        self.did[STARTING if how == STARTING else "kill"] += 1
        self.hurts.append(Hurt(at, await self.inside.runs_of(pid), how))

    async def pause(self) -> None:
        """Stopped for longer than its lease, and then it goes on as if nothing had been."""
        found = await self.inside.worker_in(self.steps, AIM_SECONDS / 2)
        replica = self.replicas.of_pid(found[0]) if found else None
        if found is None or replica is None or replica.paused:
            return
        replica.pause()
        self.did["pause"] += 1
        self.hurts.append(Hurt(time.time(), await self.inside.runs_of(replica.pid), f"pause in {found[2]}"))
        task = asyncio.create_task(self._go_on(replica, replica.pid))
        self._pauses.add(task)
        task.add_done_callback(self._pauses.discard)

    async def _go_on(self, replica: Replica, pid: int) -> None:
        await asyncio.sleep(self.pause_seconds)
        if replica.is_up and replica.pid == pid:
            replica.go_on()

    async def restart_bot_database(self) -> None:
        await self._restart(self.bot_cluster, "bot database restart", self._random.uniform(0, 4))

    async def restart_platform(self) -> None:
        await self._restart(self.platform, "platform restart", self._random.uniform(0, 4))

    async def _restart(self, cluster: Cluster, what: str, away_seconds: float) -> None:
        """As `pg_ctl -m immediate` does."""
        began = time.time()
        await cluster.stop(signal.SIGQUIT)
        await asyncio.sleep(away_seconds)
        await cluster.start()
        self.did[what] += 1
        self.outages.append((began, time.time()))

    async def trouble_slack(self) -> None:
        kind, details = self._random.choice(SLACK_FAULTS)
        await self.workspace.fault(kind, **details)
        self.did[f"slack {kind}"] += 1
