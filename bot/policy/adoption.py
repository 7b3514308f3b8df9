"""The guide's scripts as cron runs them, and what of the bot replaces each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath

from bot.domain.crontabs import CronLine

# How long the bot watches beside a script before it may take it over.
OBSERVED_FOR = timedelta(days=7)
RETENTION = "backup-retention"


@dataclass(frozen=True)
class Replacement:
    """`schedules` are the rows of the calendar that do what the script does; `by_hand` is the command for a person."""

    script: str
    schedules: tuple[str, ...]
    by_hand: str


# Source: guide, Maintenance Schedule, Automated Backups, Manual Database Backup, Contract Snapshots. Each of the backup
# scripts deletes what is older than RETENTION_DAYS, so each owns the retention of its folder as well.
REPLACEMENTS: tuple[Replacement, ...] = (
    Replacement("automated-backup.sh", ("database-backup", RETENTION), "/takumi backup now"),
    Replacement("backup-database.sh", ("database-backup", RETENTION), "/takumi backup now"),
    Replacement("snapshot-contracts.sh", ("contract-snapshot",), "not there yet"),
    Replacement("restore-database.sh", (), "/takumi restore"),
    Replacement("restore-contracts.sh", (), "not there yet"),
)
# What the scripts read and the bot reads under the same name.
SHARED_VARIABLES = (
    "BACKUP_DIR",
    "SNAPSHOT_DIR",
    "RETENTION_DAYS",
    "CLOUD_BACKUP",
    "S3_BUCKET",
    "S3_REGION",
    "DB_HOST",
    "DB_PORT",
    "DB_NAME",
    "NETWORK",
)


def replacement_of(line: CronLine) -> Replacement | None:
    """What replaces a line of cron; None for one that is no script of the guide's."""
    names = {PurePosixPath(word).name for part in line.words for word in part.split()}
    return next((one for one in REPLACEMENTS if one.script in names), None)


def owners_of(schedule: str, lines: Iterable[CronLine]) -> tuple[CronLine, ...]:
    """The live lines of cron that do what this schedule does."""
    found = ((line, replacement_of(line)) for line in lines if not line.taken_over)
    return tuple(line for line, known in found if known and schedule in known.schedules)
