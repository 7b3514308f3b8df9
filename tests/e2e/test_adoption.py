"""A test plays the adopter: an empty PostgreSQL, a platform with cron, and a doctor whose own words lead to green."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.slack.manifest import manifest
from demo.platform.postgres import SUPERUSER, Cluster
from demo.workspace.client import Workspace
from demo.workspace.server import running_workspace
from tests.servers import EMBEDDED_VERSION, free_port, programs_of

# What `takumi` has on a platform that never heard of the bot.
APPLICATION = """
CREATE ROLE takumi LOGIN PASSWORD 'takumi';
CREATE DATABASE takumi OWNER takumi;
"""
INVITE = re.compile(r"Type there: (/invite @\S+)")
ROUNDS = 5
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
            await self.people.person("Emi").command(invite[1], channel="#takumi-alerts")


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
    roles = {"developer": "S0DEVELOPR", "team_lead": "S0TEAMLEAD", "engineering_lead": "S0ENGLEAD0"}
    return {
        "PATH": f"{Path(sys.executable).parent}:{own.programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
        "HOME": str(folder),
        "PGPASSFILE": str(folder / "pgpass"),
        "TAKUMI_BOT_ENVIRONMENT": "staging",
        **{
            f"TAKUMI_BOT_{variable}DATABASE_URL": f"postgresql://{role}:{role}-pw@127.0.0.1:{own.port}/takumi_bot"
            for variable, role in (
                ("", "takumi_bot"),
                ("MIGRATE_", "takumi_bot_owner"),
                ("SEQUENCER_", "takumi_bot_sequencer"),
                ("RETENTION_", "takumi_bot_retention"),
            )
        },
        "TAKUMI_BOT_AUDIT_KEY_FILE": str(folder / "audit.pem"),
        "TAKUMI_BOT_SEQUENCER_KEY_FILE": str(folder / "sequencer.pem"),
        "TAKUMI_BOT_SLACK_API_URL": f"{slack}api/",
        "TAKUMI_BOT_SLACK_BOT_TOKEN": installed["bot_token"],
        "TAKUMI_BOT_SLACK_APP_TOKEN": installed["app_token"],
        "TAKUMI_BOT_CHANNEL": "C0ALERTS01",
        "TAKUMI_BOT_ROLES": json.dumps(
            {role: [group] for role, group in roles.items()} | {"cto": ["S0CTO00000"], "security": ["S0SECURITY"]}
        ),
        "TAKUMI_BOT_PG_BIN_DIRS": json.dumps([str(own.programs)]),
        "TAKUMI_BOT_BACKEND_URLS": "[]",
        "BACKUP_DIR": str(folder / "backups"),
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(platform.port),
        "DB_NAME": "takumi",
        "DB_USER": "takumi_maintenance",
        "DB_PASSWORD": "maintenance-pw",
        "TAKUMI_BOT_RESTORE_USER": "takumi_restore",
        "TAKUMI_BOT_RESTORE_PASSWORD": "restore-pw",
    }


async def test_the_doctor_leads_from_red_to_green_by_its_own_advice_alone(adopter: Adopter) -> None:
    red: list[set[str]] = []
    for _ in range(ROUNDS):
        wrong = [one for one in await adopter.doctor() if not one["well"]]
        red.append({one["about"] for one in wrong})
        if not wrong:
            break
        assert any(one["commands"] or INVITE.search(one["advice"]) for one in wrong), wrong
        for finding in wrong:
            await adopter.follow(finding)
    assert {"key TAKUMI_BOT_AUDIT_KEY_FILE", "backup folder", "configuration"} <= red[0]
    assert {"own database", "Slack", "grants on takumi", "platform"} <= set().union(*red)
    assert red[-1] == set()
