"""A backup's file on its way into an empty database: hashed as it is read, and stopped by the first error."""

from pathlib import Path

from bot.domain.errors import OperationFailed
from bot.operations.files import disk_errors
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.gzips import Fed, PassAll, Progress, feed
from bot.operations.tools.processes import must_succeed, run
from bot.operations.tools.toolbox import StepTools

# What is loaded is compared afterwards and dropped or kept as a whole: no commit on the way need survive a crash.
OPTIONS = "-c synchronous_commit=off"


async def load(tools: StepTools, access: DatabaseAccess, file: Path, database: str, server_major: int) -> Fed:
    """Restore a plain dump as `gunzip | psql -v ON_ERROR_STOP=1` would.

    Raises: OperationFailed when the file is damaged or psql meets an error.
    """
    programs = await tools.programs(server_major)
    arguments = ("--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1")
    command = tools.command(access, "psql", programs, arguments, database=database, options=OPTIONS)
    progress = Progress()
    with disk_errors():
        ended = await run(command, feed=lambda sink: feed(file, sink, PassAll(), progress))
    must_succeed(command, ended)
    fed: Fed = ended.fed
    return fed


def must_be_the_bytes(fed: Fed, file: Path, sha256: str) -> None:
    """Raises: OperationFailed when the file that was read is not the one with that hash."""
    if fed.sha256 != sha256:
        raise OperationFailed(
            f"{file.name} is not the file it should be: its sha256 is {fed.sha256}, expected was {sha256}.",
            hint="It was changed or damaged since. Nothing was kept of it.",
        )
