"""What the platform's PostgreSQL says was done to it, by whom: read from the server's own log."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from demo.platform.databases import PLATFORM_MAINTENANCE
from demo.platform.postgres import Cluster

# A statement is logged with its duration, once it has succeeded; one that was cut off or refused is not.
LOGGING = (
    "ALTER SYSTEM SET log_line_prefix = '%m|%p|%a|%d|'",
    "ALTER SYSTEM SET log_timezone = 'UTC'",
    f"ALTER ROLE {PLATFORM_MAINTENANCE} SET log_min_duration_statement = 0",
    "SELECT pg_reload_conf()",
)
_LINE = re.compile(r"^(\d{4}-\d\d-\d\d [\d:.]+) UTC\|(\d+)\|([^|]*)\|([^|]*)\|LOG:  duration: [\d.]+ ms  [^:]+: (.*)$")
_SESSION = re.compile(r"^takumi:([0-9a-f]+):([^:]+):(\d+)$")
_RENAME = re.compile(r'ALTER DATABASE "?(\w+)"? RENAME TO "?(\w+)"?')


@dataclass(frozen=True)
class Done:
    """A statement that succeeded, in a session that bore a step's name."""

    at: datetime
    pid: int
    run: str
    step: str
    attempt: int
    statement: str


@dataclass(frozen=True)
class Rename:
    """A database's change of name that was committed."""

    run: str
    at: datetime
    old: str
    new: str


async def log_statements(cluster: Cluster) -> None:
    """Have the maintenance role's statements logged, in new sessions."""
    async with cluster.connect() as connection:
        for statement in LOGGING:
            await connection.execute(statement.encode())


def statements(log: Path) -> Iterator[Done]:
    """In the order of the log."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            found = _LINE.match(line.rstrip("\n"))
            named = _SESSION.match(found[3]) if found else None
            if found and named:
                at = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
                yield Done(at, int(found[2]), named[1], named[2], int(named[3]), found[5])


def committed_renames(done: Sequence[Done]) -> list[Rename]:
    """Those inside a transaction count when its COMMIT succeeded; others at once."""
    open_transactions: dict[int, list[Rename]] = {}
    committed: list[Rename] = []
    for one in done:
        word = one.statement.strip().rstrip(";").upper()
        if word.startswith("BEGIN"):
            open_transactions[one.pid] = []
        elif word in ("COMMIT", "ROLLBACK"):
            renames = open_transactions.pop(one.pid, [])
            committed += renames if word == "COMMIT" else []
        elif found := _RENAME.search(one.statement):
            rename = Rename(one.run, one.at, found[1], found[2])
            open_transactions[one.pid].append(rename) if one.pid in open_transactions else committed.append(rename)
    return committed
