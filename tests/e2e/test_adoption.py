"""A test plays the adopter: an empty PostgreSQL, a platform with cron, and a doctor whose own words lead to green."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.slack.manifest import manifest
from demo.platform.postgres import SUPERUSER, Cluster
from demo.workspace.client import Workspace, visible_text
from demo.workspace.server import running_workspace
from tests.servers import EMBEDDED_VERSION, free_port, programs_of

# What `takumi` has on a platform that never heard of the bot.
APPLICATION = """
CREATE ROLE takumi LOGIN PASSWORD 'takumi';
CREATE DATABASE takumi OWNER takumi;
"""
INVITE = re.compile(r"Type there: (/invite @\S+)")
WATCH = re.compile(r"add (\S+) to TAKUMI_BOT_OBSERVED")
DO = re.compile(r"Take (\S+) off TAKUMI_BOT_OBSERVED")
# Source: guide, Automated Backups, as a table of the system.
CRON = "# Takumi\n0 2 * * * root /path/to/takumi/scripts/automated-backup.sh\n5 5 * * * root /usr/bin/other\n"
ALERTS = "#takumi-alerts"
ROUNDS = 6
PATIENCE = timedelta(minutes=3)
PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def empty_clusters(server_folder: Path) -> Iterator[tuple[Cluster, Cluster]]:
    """A PostgreSQL with nothing in it for the bot, and another with the application alone."""
    programs = programs_of(EMBEDDED_VERSION, server_folder)
    both = [
        Cluster(programs, server_folder / f"adopter-{name}", free_port(), settings={"fsync": "off"})
        for name in ("bot", "platform")
    ]
    asyncio.run(_start(*both))
    yield both[0], both[1]
    for cluster in both:
        asyncio.run(cluster.stop())


async def _start(own: Cluster, platform: Cluster) -> None:
    for cluster in (own, platform):
        await cluster.create()
        await cluster.start()
    async with platform.connect() as connection:
        for statement in filter(str.strip, APPLICATION.split(";")):
            await connection.execute(statement.encode())
    async with platform.connect("takumi") as connection:
        await connection.execute("CREATE TABLE profiles (id int PRIMARY KEY); ALTER TABLE profiles OWNER TO takumi")


@dataclass
class Adopter:
    """Somebody with a shell, the administrator's password, and a seat in Slack."""

    environment: dict[str, str]
    people: Workspace

    async def shell(self, command: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_shell(
            command, env=self.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        said, complained = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode() or complained.decode()

    async def doctor(self, *options: str) -> list[dict[str, Any]]:
        code, said = await self.shell(" ".join(("python -m bot doctor --json", *options)))
        found = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        assert found, said
        assert code == (0 if all(one["well"] for one in found) else 1)
        return found

    async def follow(self, finding: dict[str, Any]) -> None:
        """Do what it says, word for word."""
        for command in finding["commands"]:
            code, said = await self.shell(command)
            assert code == 0, f"{command}: {said}"
        if invite := INVITE.search(finding["advice"]):
            await self.people.person("Emi").command(invite[1], channel=ALERTS)
        if schedule := WATCH.search(finding["advice"]):
            self.observed = {*self.observed, schedule[1]}
        if schedule := DO.search(finding["advice"]):
            self.observed = self.observed - {schedule[1]}

    @property
    def observed(self) -> set[str]:
        return set(json.loads(self.environment["TAKUMI_BOT_OBSERVED"]))

    @observed.setter
    def observed(self, names: set[str]) -> None:
        self.environment["TAKUMI_BOT_OBSERVED"] = json.dumps(sorted(names))

    async def until_green(self) -> list[set[str]]:
        """Follow the doctor until nothing is wrong; answers what was, round by round."""
        red: list[set[str]] = []
        for _ in range(ROUNDS):
            wrong = [one for one in await self.doctor() if not one["well"]]
            red.append({one["about"] for one in wrong})
            if not wrong:
                break
            for finding in wrong:
                await self.follow(finding)
        assert red[-1] == set()
        return red

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """`python -m bot serve`, with a daily backup that is due every minute."""
        every_minute = {"TAKUMI_BOT_SCHEDULES": json.dumps({"database-backup": "* * * * *"})}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "serve", env=self.environment | every_minute
        )
        try:
            yield
        finally:
            process.terminate()
            await process.wait()


@pytest_asyncio.fixture
async def adopter(empty_clusters: tuple[Cluster, Cluster], tmp_path: Path) -> AsyncIterator[Adopter]:
    own, platform = empty_clusters
    async with running_workspace() as running, Workspace(running.url, running.token) as people:
        installed = await people.install(manifest("socket"), [])
        yield Adopter(environment(own, platform, running.url, installed, tmp_path), people)


def environment(own: Cluster, platform: Cluster, slack: str, installed: Any, folder: Path) -> dict[str, str]:
    """What somebody writes into takumi-bot.env, and what their shell has."""
    lines = (f"127.0.0.1:{one.port}:*:{SUPERUSER}:{one.passwords[SUPERUSER]}\n" for one in (own, platform))
    (folder / "pgpass").write_text("".join(lines), encoding="utf-8")
    (folder / "pgpass").chmod(0o600)
    (folder / "cron.d").mkdir()
    (folder / "cron.d" / "takumi").write_text(CRON, encoding="utf-8")
    shell = {
        "PATH": f"{Path(sys.executable).parent}:{own.programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
        "HOME": str(folder),
        "PGPASSFILE": str(folder / "pgpass"),
    }
    return shell | bots_own(own, folder) | in_slack(slack, installed) | of_platform(platform, folder)


def bots_own(cluster: Cluster, folder: Path) -> dict[str, str]:
    roles = {"": "takumi_bot", "MIGRATE_": "takumi_bot_owner", "SEQUENCER_": "takumi_bot_sequencer"}
    urls = {
        f"TAKUMI_BOT_{word}DATABASE_URL": f"postgresql://{role}:{role}-pw@127.0.0.1:{cluster.port}/takumi_bot"
        for word, role in (roles | {"RETENTION_": "takumi_bot_retention"}).items()
    }
    return urls | {
        "TAKUMI_BOT_ENVIRONMENT": "staging",
        "TAKUMI_BOT_AUDIT_KEY_FILE": str(folder / "audit.pem"),
        "TAKUMI_BOT_SEQUENCER_KEY_FILE": str(folder / "sequencer.pem"),
        "TAKUMI_BOT_PG_BIN_DIRS": json.dumps([str(cluster.programs)]),
        "TAKUMI_BOT_CRON_FILES": json.dumps([str(folder / "cron.d")]),
        "TAKUMI_BOT_OBSERVED": "[]",
        "TAKUMI_BOT_HTTP_PORT": "0",
    }


def in_slack(url: str, installed: Any) -> dict[str, str]:
    groups = {
        "developer": "S0DEVELOPR",
        "team_lead": "S0TEAMLEAD",
        "engineering_lead": "S0ENGLEAD0",
        "cto": "S0CTO00000",
        "security": "S0SECURITY",
    }
    return {
        "TAKUMI_BOT_SLACK_API_URL": f"{url}api/",
        "TAKUMI_BOT_SLACK_BOT_TOKEN": installed["bot_token"],
        "TAKUMI_BOT_SLACK_APP_TOKEN": installed["app_token"],
        "TAKUMI_BOT_CHANNEL": "C0ALERTS01",
        "TAKUMI_BOT_ROLES": json.dumps({role: [group] for role, group in groups.items()}),
    }


def of_platform(cluster: Cluster, folder: Path) -> dict[str, str]:
    return {
        "TAKUMI_BOT_BACKEND_URLS": "[]",
        "BACKUP_DIR": str(folder / "backups"),
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(cluster.port),
        "DB_NAME": "takumi",
        "DB_USER": "takumi_maintenance",
        "DB_PASSWORD": "maintenance-pw",
        "TAKUMI_BOT_RESTORE_USER": "takumi_restore",
        "TAKUMI_BOT_RESTORE_PASSWORD": "restore-pw",
    }


async def test_the_doctor_leads_from_red_to_green_and_a_line_of_cron_is_watched_and_taken_over(
    adopter: Adopter, tmp_path: Path
) -> None:
    red = await adopter.until_green()
    assert {"key TAKUMI_BOT_AUDIT_KEY_FILE", "backup folder", "configuration"} <= red[0]
    seen = set().union(*red)
    assert {"own database", "Slack", "grants on takumi", "platform", "cron and database-backup"} <= seen
    assert adopter.observed == {"database-backup", "backup-retention"}
    await watches(adopter)
    await takes_over(adopter, tmp_path / "cron.d" / "takumi")


async def watches(adopter: Adopter) -> None:
    """It posts what it would do, and does nothing."""
    emi = adopter.people.person("Emi")
    async with adopter.serving():
        head = await emi.wait_for(lambda m: "I observe" in visible_text(m), ALERTS, timeout=PATIENCE)
        told = await emi.wait_for(
            lambda m: "I would have done this: Back up takumi" in visible_text(m), ALERTS, head["ts"], timeout=PATIENCE
        )
    assert "1. Dump" in visible_text(told)
    assert backups(adopter) == []
    _, runs = await adopter.shell("python -m bot runs")
    assert "backup" not in runs


def backups(adopter: Adopter) -> list[Path]:
    return list(Path(adopter.environment["BACKUP_DIR"]).iterdir())


async def takes_over(adopter: Adopter, file: Path) -> None:
    """Not before a week, unless somebody says so; one line, and back again byte for byte."""
    table = partial(file.read_text, "utf-8")
    code, said = await adopter.shell("python -m bot doctor --take-over database-backup")
    assert code == 1
    assert "a week is the rule" in said
    assert table() == CRON
    code, said = await adopter.shell("python -m bot doctor --take-over database-backup --early")
    assert code == 0, said
    assert "Now set TAKUMI_BOT_OBSERVED='[]'" in said
    lines = table().splitlines()
    assert lines[1].startswith("# taken over by takumi-bot: 0 2 * * *")
    assert [lines[0], lines[2]] == [CRON.splitlines()[0], CRON.splitlines()[2]]
    red = await adopter.until_green()
    assert red[0] == {"cron and database-backup", "cron and backup-retention"}
    assert adopter.observed == set()
    code, said = await adopter.shell("python -m bot doctor --give-back database-backup")
    assert code == 0, said
    assert table() == CRON
