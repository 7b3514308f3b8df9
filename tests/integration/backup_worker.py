"""A worker of its own, for tests that kill it: `python -m tests.integration.backup_worker <settings as JSON>`."""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from bot.domain.targets import Environment
from bot.operations.tools.access import BackupPlaces, DatabaseAccess, Login, Platform
from bot.operations.tools.toolbox import Toolbox
from tests.integration.backups import SmallEngine, backup_plan


async def main(settings: dict) -> None:
    login = Login(settings["user"], SecretStr(settings["password"]))
    access = DatabaseAccess(settings["database"], "127.0.0.1", settings["port"], login, Environment.DEMO)
    places = BackupPlaces(Path(settings["folder"]), timedelta(days=1))
    toolbox = Toolbox(Platform((access,), access.name, places, (Path(settings["programs"]),)))
    await SmallEngine(toolbox, settings["run"]).execute(await backup_plan(toolbox))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
