"""A backup's file on its way into a database of its own: looked at, hashed, and stopped at the first error."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain.backups import Format, format_of
from bot.domain.errors import OperationFailed, Refused
from bot.operations.archives import (
    ABOUT_OWNERS,
    EXTENSIONS_COMMENT,
    JOBS,
    ROWS,
    ArchiveLook,
    Unpacked,
    chosen_of,
    judge,
    list_archive,
    pg_restore_of,
    unpacked,
)
from bot.operations.files import disk_errors
from bot.operations.pacing import Paced
from bot.operations.restorers import Restorer, restorer
from bot.operations.scratch import create_beside, drop_beside
from bot.operations.screening import DumpScreen, HeldBack
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.gzips import Fed, Progress, Screen, feed
from bot.operations.tools.processes import Command, must_succeed, outlast, run
from bot.operations.tools.programs import Programs
from bot.operations.tools.sessions import quoted
from bot.operations.tools.toolbox import StepTools

# What is loaded is compared afterwards and dropped or kept as a whole: no commit on the way need survive a crash.
# Indexes and foreign keys are built in memory: a third of the time (`make bench ONLY=restore`).
OPTIONS = "-c synchronous_commit=off -c maintenance_work_mem=256MB -c work_mem=64MB"
ARGUMENTS = ("--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1")


@dataclass(frozen=True)
class Load:
    """A file to restore into a new database named `into`, which then belongs to `owner`.

    The file's bytes must have that hash. `untrusted` is any file but the run's own fresh dump. `bytes_per_second` of
    SQL are let through at most; 0 is no limit.
    """

    file: Path
    sha256: str
    into: str
    owner: str
    server_major: int
    untrusted: bool = True
    bytes_per_second: int = 0


async def load_beside(tools: StepTools, access: DatabaseAccess, load: Load) -> Fed:
    """Restore a dump of either format beside the access's own database; whatever goes wrong leaves no database.

    Raises: OperationFailed when the file is damaged, is no dump, or the server refuses what is in it; Refused.
    """
    programs = await tools.programs(load.server_major)
    if load.untrusted and format_of(load.file.name) is Format.PLAIN and not programs.can_restrict:
        raise Refused(
            f"psql {programs.version} cannot be kept from running commands that a file may hold.",
            hint=f"Update postgresql-client-{programs.major} on the bot's machine.",
        )
    async with restorer(tools, access, untrusted=load.untrusted) as role:
        try:
            await create_beside(tools, access, load.into, role.login.user if role.confined else load.owner)
            return await _filled(tools, access, load, programs, role)
        except BaseException:
            await outlast(drop_beside(tools, access, load.into))
            raise


async def _filled(tools: StepTools, access: DatabaseAccess, load: Load, programs: Programs, role: Restorer) -> Fed:
    if format_of(load.file.name) is Format.FAST:
        fed, held = await _restore(tools, access, load, programs, role)
    else:
        fed, held = await _feed(tools, access, load, programs, role)
        must_be_the_bytes(fed, load.file, load.sha256)
    if role.confined:
        await _hand_over(tools, access, load, role.login.user, held)
    return fed


async def _feed(
    tools: StepTools, access: DatabaseAccess, load: Load, programs: Programs, role: Restorer
) -> tuple[Fed, list[HeldBack]]:
    """As `gunzip | psql -v ON_ERROR_STOP=1` would, but that psql sees only what pg_dump writes."""
    command = tools.command_as(role.login, access, "psql", programs, ARGUMENTS, database=load.into, options=OPTIONS)
    screen = DumpScreen(load.file.name, load.server_major, hold_owners=role.confined, restrict=programs.can_restrict)
    progress = Progress()
    with disk_errors():
        ended = await run(command, feed=lambda sink: feed(load.file, sink, _paced(screen, load), progress))
    must_succeed(command, ended)
    return ended.fed, screen.held


async def _restore(
    tools: StepTools, access: DatabaseAccess, load: Load, programs: Programs, role: Restorer
) -> tuple[Fed, list[HeldBack]]:
    """As `pg_restore --jobs` does, and not before the whole file is known to have that hash."""
    program, look = pg_restore_of(programs), ArchiveLook(load.file.name, load.server_major)
    async with unpacked(tools, load.file, _paced(look, load)) as archive:
        must_be_the_bytes(archive.fed, load.file, load.sha256)
        lines = await list_archive(archive, program)
        held = await _held_of(archive, program, lines, load) if role.confined else []
        without = [EXTENSIONS_COMMENT, *([ABOUT_OWNERS] if role.confined else [])]
        which = await chosen_of(archive, "chosen", lines, without)
        owners = ["--no-owner"] if role.confined else []
        arguments = (which, "--exit-on-error", f"--jobs={JOBS}", *owners, str(archive.path))
        command = tools.command_as(
            role.login, access, "pg_restore", programs, arguments, database=load.into, options=OPTIONS
        )
        must_succeed(command, await run(command))
        return archive.fed, held


async def _held_of(archive: Unpacked, program: Path, lines: Sequence[str], load: Load) -> list[HeldBack]:
    """What says whose everything is: from the archive's statements, each of them looked at once more."""
    screen = DumpScreen(load.file.name, load.server_major, hold_owners=True)
    which = await chosen_of(archive, "statements", lines, [ROWS])
    command = Command(program, (which, "--file=-", str(archive.path)))
    must_succeed(command, await run(command, drain=lambda source: judge(source, screen)))
    screen.finish()
    return screen.held


def _paced(screen: Screen, load: Load) -> Screen:
    return Paced(screen, load.bytes_per_second) if load.bytes_per_second else screen


async def _hand_over(tools: StepTools, access: DatabaseAccess, load: Load, role: str, held: list[HeldBack]) -> None:
    """Give everything to whom the dump says, by the maintenance role: what this runs is no code of the dump."""
    async with tools.session(access, load.into) as session:
        await session.rows("BEGIN")
        await session.rows(f"REASSIGN OWNED BY {quoted(role)} TO {quoted(load.owner)}")
        for gift in held:
            if not gift.gives or gift.owner != load.owner:
                await session.rows(gift.sql)
        await session.rows("COMMIT")


def must_be_the_bytes(fed: Fed, file: Path, sha256: str) -> None:
    """Raises: OperationFailed when the file that was read is not the one with that hash."""
    if fed.sha256 != sha256:
        raise OperationFailed(
            f"{file.name} is not the file it should be: its sha256 is {fed.sha256}, expected was {sha256}.",
            hint="It was changed or damaged since. Nothing was kept of it.",
        )
