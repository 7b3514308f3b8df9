"""What the guide wants done regularly, and what starts each."""

from dataclasses import dataclass
from enum import StrEnum


class Frequency(StrEnum):
    """The guide's words."""

    DAILY = "Daily"
    WEEKLY = "Weekly"
    MONTHLY = "Monthly"
    QUARTERLY = "Quarterly"


class StarterKind(StrEnum):
    """What a firing starts."""

    RUNBOOK = "runbook"
    COMMAND = "command"
    CHECKLIST = "checklist"


@dataclass(frozen=True)
class Starter:
    """A runbook, command or checklist by its name; `params` are other than the runbook's defaults."""

    kind: StarterKind
    name: str
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ScheduleRow:
    """One row of the guide's table; `cron` is in the configured time zone.

    `starter` is None until the part named by `not_yet` is built; such a row is shown and never fires.
    """

    key: str
    task: str
    frequency: Frequency
    tool: str
    cron: str
    starter: Starter | None = None
    not_yet: str = ""


# Source: Maintenance Guide, Maintenance Schedule; the hour of the backup is that of Automated Backups.
SCHEDULE: tuple[ScheduleRow, ...] = (
    ScheduleRow(
        "database-backup",
        "Database backup",
        Frequency.DAILY,
        "scripts/automated-backup.sh",
        "0 2 * * *",
        Starter(StarterKind.RUNBOOK, "backup-database"),
    ),
    ScheduleRow(
        "contract-snapshot",
        "Contract snapshot",
        Frequency.DAILY,
        "scripts/snapshot-contracts.sh",
        "30 2 * * *",
        not_yet="N",
    ),
    ScheduleRow("log-rotation", "Log rotation", Frequency.WEEKLY, "logrotate", "0 3 * * mon", not_yet="J"),
    ScheduleRow("security-updates", "Security updates", Frequency.WEEKLY, "Manual review", "0 9 * * mon", not_yet="O"),
    ScheduleRow(
        "performance-review", "Performance review", Frequency.MONTHLY, "Grafana dashboards", "0 9 1 * *", not_yet="J"
    ),
    ScheduleRow(
        "disaster-recovery-drill",
        "Disaster recovery drill",
        Frequency.QUARTERLY,
        "Manual",
        "0 9 1 1,4,7,10 *",
        not_yet="P",
    ),
)


# What the guide does not know of: the databases that restores replaced, which the guide's restore dropped at once.
HOUSE: tuple[ScheduleRow, ...] = (
    ScheduleRow(
        "kept-copies",
        "Warn of and drop expired copies of replaced databases",
        Frequency.DAILY,
        "drop-kept-copies",
        "30 3 * * *",
        Starter(StarterKind.RUNBOOK, "drop-kept-copies"),
    ),
    ScheduleRow(
        "backup-proof",
        "Prove the newest backup that nobody has proven",
        Frequency.DAILY,
        "prove-backup",
        "15 2-5 * * *",
        Starter(StarterKind.RUNBOOK, "prove-backup"),
    ),
    ScheduleRow(
        "backup-retention",
        "Delete expired backups",
        Frequency.DAILY,
        "expire-backups",
        "0 4 * * *",
        Starter(StarterKind.RUNBOOK, "expire-backups"),
    ),
)


# Only where the cluster has a repository (TAKUMI_BOT_PGBACKREST_STANZA).
CLUSTER: tuple[ScheduleRow, ...] = (
    ScheduleRow(
        "cluster-full",
        "Full backup of the cluster, proven by a recovery",
        Frequency.WEEKLY,
        "backup-cluster",
        "0 1 * * sun",
        Starter(StarterKind.RUNBOOK, "backup-cluster", (("type", "full"),)),
    ),
    ScheduleRow(
        "cluster-diff",
        "Differential backup of the cluster, proven by a recovery",
        Frequency.DAILY,
        "backup-cluster",
        "0 1 * * mon-sat",
        Starter(StarterKind.RUNBOOK, "backup-cluster", (("type", "diff"),)),
    ),
)


def rows(*, clusters: bool = False) -> tuple[ScheduleRow, ...]:
    """Everything there is to know of; `clusters` is whether there is a repository for physical backups."""
    return (*SCHEDULE, *HOUSE, *(CLUSTER if clusters else ()))


def firing(*, clusters: bool = False) -> tuple[ScheduleRow, ...]:
    """The rows that the calendar carries: those that have something to start."""
    return tuple(row for row in rows(clusters=clusters) if row.starter is not None)
