"""A worker of its own, for tests that kill it: `python -m tests.integration.recovery_worker <settings as JSON>`."""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from demo.platform.postgres import SUPERUSER, Cluster
from tests.integration.backups import SmallEngine
from tests.integration.physical import Archived, repository_in, time_plan


async def main(settings: dict[str, Any]) -> None:
    folder, passwords = Path(settings["folder"]), settings["passwords"]
    cluster = Cluster(Path(settings["programs"]), folder / "postgres", settings["cluster"], passwords=passwords)
    patience = timedelta(seconds=6)
    repository = repository_in(folder, cluster.port, passwords[SUPERUSER], archive_patience=patience)
    platform = Archived(cluster, repository, folder / "backups", settings["database"])
    engine = SmallEngine(platform.toolbox, settings["run"])
    await engine.execute(await time_plan(engine, settings["moment"], settings["database"]))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
