"""The policy tables say what the guide's tables say."""

import re
from datetime import timedelta

from bot.domain.people import Role
from bot.policy.checklists import CHECKLISTS
from bot.policy.contacts import CONTACTS
from bot.policy.objectives import OBJECTIVES, Objective, objective_of
from bot.policy.schedule import SCHEDULE, Frequency, StarterKind, firing
from bot.policy.severities import MATRIX
from tests.guide import restated

GUIDE = restated("guide_tables.json")
UNITS = {"minutes": timedelta(minutes=1), "hour": timedelta(hours=1), "hours": timedelta(hours=1)}


def duration(text: str) -> timedelta | None:
    """`15 minutes`, `1 hour`; N/A is None."""
    if text.startswith("N/A"):
        return None
    amount, unit = text.split()
    return int(amount) * UNITS[unit]


def test_the_escalation_matrix_is_the_guides() -> None:
    ours = [[f"{row.severity} ({row.label})", row.time, row.escalation.label.lower()] for row in MATRIX.values()]
    assert ours == [[severity, duration(time), role.lower()] for severity, time, role in GUIDE["escalation"]]


def test_every_severity_has_its_own_role() -> None:
    assert {row.escalation for row in MATRIX.values()} == set(Role) - {Role.SECURITY}


def test_the_objectives_are_the_guides() -> None:
    guide = [
        Objective(component, duration(recovery), duration(point), "".join(re.findall(r"\((.+)\)", point)))
        for component, recovery, point in GUIDE["objectives"]
    ]
    assert list(OBJECTIVES) == guide


def test_an_objective_is_found_by_its_component() -> None:
    assert objective_of("Database").recovery_time == timedelta(hours=1)


def test_the_schedule_is_the_guides() -> None:
    assert [[row.task, row.frequency.value, row.tool] for row in SCHEDULE] == GUIDE["schedule"]


def test_a_schedule_row_starts_something_or_says_which_part_will() -> None:
    for row in SCHEDULE:
        assert (row.starter is None) == (row.not_yet != ""), row.key


def test_the_daily_backup_is_at_two() -> None:
    backup = next(row for row in firing() if row.key == "database-backup")
    assert backup.cron == "0 2 * * *"
    assert backup.starter is not None
    assert (backup.starter.kind, backup.starter.name) == (StarterKind.RUNBOOK, "backup-database")


def test_a_cron_line_fires_as_often_as_its_row_says() -> None:
    every = {
        Frequency.DAILY: "***",
        Frequency.WEEKLY: "**mon",
        Frequency.MONTHLY: "1**",
        Frequency.QUARTERLY: "11,4,7,10*",
    }
    assert all("".join(row.cron.split()[2:]) == every[row.frequency] for row in SCHEDULE)


def test_the_checklists_are_the_guides() -> None:
    ours = {one.frequency.value: [item.text for item in one.items] for one in CHECKLISTS}
    assert ours == GUIDE["checklists"]


def test_every_item_has_a_key_of_its_own() -> None:
    keys = [item.key for one in CHECKLISTS for item in one.items]
    assert len(set(keys)) == len(keys) == 16


def test_a_checklist_is_due_before_the_next_one_is_posted() -> None:
    periods = {Frequency.DAILY: 1, Frequency.WEEKLY: 7, Frequency.MONTHLY: 28, Frequency.QUARTERLY: 90}
    assert all(one.due_after < timedelta(days=periods[one.frequency]) for one in CHECKLISTS)


def test_the_contacts_are_the_guides() -> None:
    assert [[one.team, one.address] for one in CONTACTS] == GUIDE["contacts"]
