"""The guide's four checklists."""

from dataclasses import dataclass
from datetime import timedelta

from bot.policy.schedule import Frequency


@dataclass(frozen=True)
class Item:
    """One line to settle; `key` is stable when the guide's words change."""

    key: str
    text: str


@dataclass(frozen=True)
class Checklist:
    """What is looked at in each period; `due_after` counts from the post."""

    frequency: Frequency
    due_after: timedelta
    items: tuple[Item, ...]


# Source: Maintenance Guide, Maintenance Checklist. The deadlines are ours: the guide names none.
CHECKLISTS: tuple[Checklist, ...] = (
    Checklist(
        Frequency.DAILY,
        timedelta(hours=10),
        (
            Item("backup-logs", "Check automated backup logs"),
            Item("error-logs", "Review error logs"),
            Item("disk-space", "Monitor disk space"),
            Item("response-times", "Check API response times"),
        ),
    ),
    Checklist(
        Frequency.WEEKLY,
        timedelta(days=2),
        (
            Item("security-alerts", "Review security alerts"),
            Item("dependencies", "Update dependencies"),
            Item("slow-queries", "Analyze slow queries"),
            Item("dashboards", "Review Grafana dashboards"),
        ),
    ),
    Checklist(
        Frequency.MONTHLY,
        timedelta(days=5),
        (
            Item("performance", "Performance review"),
            Item("capacity", "Capacity planning"),
            Item("security-audit", "Security audit"),
            Item("documentation", "Update documentation"),
        ),
    ),
    Checklist(
        Frequency.QUARTERLY,
        timedelta(days=14),
        (
            Item("recovery-drill", "Disaster recovery drill"),
            Item("contract-upgrades", "Contract upgrade review"),
            Item("infrastructure", "Infrastructure review"),
            Item("cost", "Cost optimization"),
        ),
    ),
)
