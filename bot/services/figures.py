"""How the bot is doing, in figures: from its rows, and from this process."""

from collections.abc import Iterator, Sequence

from bot.domain.figures import Figure
from bot.services.figure_ports import Backlog, RowFigures
from bot.services.ports import Store

_BACKLOGS = {
    "approvals": "Requests that wait for approval",
    "inbox": "Requests from Slack that nobody has finished",
    "messages": "Messages that do not show what they should",
    "calls": "Calls to people that are overdue",
}


async def row_figures(store: Store) -> Sequence[Figure]:
    """From the rows, the same for every replica. Raises: Unavailable."""
    async with store.work() as work:
        seen = await work.figures.look()
    return tuple(_figures(seen))


def _figures(seen: RowFigures) -> Iterator[Figure]:
    for state, count in seen.runs.items():
        yield Figure("takumi_runs", "Runs that have not ended.", count, {"state": state})
    for name, meaning in _BACKLOGS.items():
        backlog: Backlog = getattr(seen, name)
        yield Figure(f"takumi_{name}_waiting", f"{meaning}.", backlog.count)
        age = backlog.age.total_seconds()
        yield Figure(f"takumi_{name}_oldest_seconds", f"{meaning}: since when the oldest waits.", age)
    for severity, count in seen.alerts.items():
        yield Figure("takumi_alerts_firing", "Groups of alerts that fire.", count, {"severity": severity})
    for database, since in seen.proven_age.items():
        meaning = "Age of the newest backup that was proven and is kept."
        yield Figure("takumi_backup_proven_age_seconds", meaning, since.total_seconds(), {"database": database})
    for component, took in seen.recovered.items():
        meaning = "How long the last measured recovery took."
        yield Figure("takumi_recovery_seconds", meaning, took.total_seconds(), {"component": component})
