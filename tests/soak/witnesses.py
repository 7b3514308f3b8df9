"""What is there in the end, asked of everybody but the bot: the workspace, the platform, the disk, S3, the kernel."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.platform.postgres import Cluster
from demo.workspace import Json
from demo.workspace.client import Person, Workspace, visible_text
from tests.e2e.product import files_below
from tests.e2e.threads import facts_of, key_of
from tests.soak.driver import actions_of

LIMIT = "1000"
FINAL = ("succeeded", "failed", "was cancelled", "expired", "was refused", "put back")


@dataclass(frozen=True)
class Thread:
    """A run as the channel shows it."""

    run: str
    head: Json
    messages: Sequence[Json]

    @property
    def result(self) -> Json | None:
        return next((message for message in self.messages if key_of(message) == f"run:{self.run}:result"), None)

    @property
    def said(self) -> str:
        return visible_text(self.result) if self.result else ""

    @property
    def succeeded(self) -> bool:
        return "succeeded" in self.said.split("\n", 1)[0]

    @property
    def facts(self) -> dict[str, str]:
        return facts_of(self.result) if self.result else {}

    @property
    def buttons(self) -> list[str]:
        return list(actions_of(self.head))


async def threads(workspace: Workspace, person: Person, channel: str) -> list[Thread]:
    """Every run of the channel."""
    heads = [m for m in await messages(workspace, person, channel) if key_of(m).count(":") == 1]
    return [
        Thread(key_of(head).removeprefix("run:"), head, await messages(workspace, person, channel, head["ts"]))
        for head in heads
        if key_of(head).startswith("run:")
    ]


async def messages(workspace: Workspace, person: Person, channel: str, thread: str = "") -> list[Json]:
    where = {"as": await person.id(), "channel": channel, "limit": LIMIT}
    return list((await workspace.get("messages", **where, **({"thread_ts": thread} if thread else {})))["messages"])


@dataclass(frozen=True)
class Database:
    """A database of the platform."""

    name: str
    oid: int
    is_open: bool


async def databases(cluster: Cluster) -> Mapping[str, Database]:
    async with cluster.connect() as connection:
        cursor = await connection.execute("SELECT datname, oid, datallowconn FROM pg_database WHERE NOT datistemplate")
        return {name: Database(name, oid, is_open) for name, oid, is_open in await cursor.fetchall()}


async def sessions(cluster: Cluster) -> list[str]:
    """The names of all sessions that a step has on the platform."""
    async with cluster.connect() as connection:
        cursor = await connection.execute(
            "SELECT application_name FROM pg_stat_activity WHERE application_name ~ '^takumi:[0-9a-f]{8}'"
        )
        return [name for (name,) in await cursor.fetchall()]


def programs(runs: Collection[str]) -> list[str]:
    """The living programs that were started for a step of these runs, by whatever process."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            name = (process / "cmdline").read_bytes().split(b"\0")[0].decode()
        except OSError:
            continue  # it has ended, or is not ours
        steps = [one.decode() for one in environment if one.startswith(b"PGAPPNAME=takumi:")]
        found += [f"{name} {step}" for step in steps if name and step.split(":")[1] in runs]
    return found


def backups(folder: Path) -> tuple[dict[str, str], set[str]]:
    """The sha256 of each dump by its name; and every other file that does not belong to one."""
    files = files_below(folder) - {"latest.sql.gz"}
    dumps = {name for name in files if name.endswith(".sql.gz") and "/" not in name}
    theirs = {f"{name}{ending}" for name in dumps for ending in ("", ".sha256", ".manifest.json", ".roles.sql")}
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in dumps}
    return sums, (files - theirs) | (theirs - files)
