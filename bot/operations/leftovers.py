"""What dead workers left: databases, roles, files and copies of a cluster, found by the run's id in their names.

Copies that a swap keeps bear other names, and are none of these.
"""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from bot.domain.operations import StepContext
from bot.operations.copying import forget_unfinished
from bot.operations.files import UNFINISHED, in_thread, reserved_names
from bot.operations.recovering import copies_in, remove_copy
from bot.operations.scratch import drop_database
from bot.operations.tools.sessions import Session, quoted
from bot.operations.tools.toolbox import StepTools, Toolbox

_RUN = re.compile(r"[0-9a-f]{20}$")


class Leftovers:
    """Looks on every cluster and in the backup folder. Every method raises: OperationFailed."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox
        self._folders = toolbox.platform.backups.folders
        repository = toolbox.platform.repository
        self._copies = (repository.folder,) if repository else ()

    async def find(self) -> Mapping[str, Sequence[str]]:
        """The names of what there is, by run; most of it belongs to runs that are under way."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        async for session in self._clusters(self._toolbox.for_look_up()):
            for name in [*await _databases(session), *await _roles(session)]:
                found[name[-20:]].append(name)
        for folder in self._folders:
            for run, name in await in_thread(_unfinished, folder):
                found[run].append(name)
        for folder in self._copies:
            for copy in await in_thread(copies_in, folder):
                found[copy].append(f"{folder / copy}")
        return found

    async def clear(self, run: str) -> None:
        """Remove what there is of a run that has ended."""
        tools = self._toolbox.for_step(StepContext(run, "leftovers", 0))
        async for session in self._clusters(tools):
            for name in await _databases(session, run):
                await drop_database(session, name)
            for name in await _roles(session, run):
                await session.rows(f"DROP ROLE IF EXISTS {quoted(name)}")
        for folder in self._folders:
            await forget_unfinished(tools, folder, run)
        for folder in self._copies:
            await in_thread(remove_copy, folder, run)

    async def _clusters(self, tools: StepTools) -> AsyncIterator[Session]:
        for access in self._toolbox.platform.clusters.values():
            async with tools.session(access, access.maintenance_database) as session:
                yield session


async def _databases(session: Session, run: str = "") -> list[str]:
    rows = await session.rows("SELECT datname::text FROM pg_database ORDER BY 1")
    return [name for (name,) in rows if _is_of(name, ("takumi_proof_", "_restore_"), run)]


async def _roles(session: Session, run: str = "") -> list[str]:
    rows = await session.rows("SELECT rolname::text FROM pg_roles ORDER BY 1")
    return [name for (name,) in rows if _is_of(name, ("takumi_restore_",), run)]


def _is_of(name: str, words: Sequence[str], run: str) -> bool:
    ending = _RUN.search(name)
    return ending is not None and name[:-20].endswith(tuple(words)) and run in ("", ending[0])


def _unfinished(folder: Path) -> list[tuple[str, str]]:
    """(run, name) of the hidden folders and reserved names. Raises: OSError."""
    below = folder / UNFINISHED
    if not below.exists():
        return []
    folders = [(path.name, path.name) for path in below.iterdir() if path.is_dir() and _RUN.fullmatch(path.name)]
    return folders + [(run, note.name) for run, note in reserved_names(folder) if _RUN.fullmatch(run)]
