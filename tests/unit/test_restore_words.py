"""What `/takumi restore` asks for, by what is typed; what the calendar starts for clusters."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.catalog import load
from bot.domain import grammar
from bot.domain.commands import Request
from bot.domain.errors import RequestError
from bot.domain.people import Actor, Person, Surface
from bot.domain.runs import Origin
from bot.policy.schedule import CLUSTER, firing, rows
from bot.services.schedules import starts_runbook

CATALOG = load()
AIKO = Person("UAIKO", "T1", "Aiko")


@dataclass
class Asked:
    """Stands for the services, and for their runs: keeps what was requested."""

    requested: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def runs(self) -> "Asked":
        return self

    def runbook(self, name: str) -> Any:
        return CATALOG.runbooks[name].runbook

    async def request(self, name: str, params: Any, _asked: Any) -> None:
        self.requested.append((name, params.model_dump()))


def typed(words: str) -> list[tuple[str, dict[str, Any]]]:
    family = CATALOG.family("restore")
    assert family is not None
    command, asked = family.commands[0], Asked()
    params = grammar.fill(CATALOG.parameters(command), grammar.take_apart(grammar.split(words)), command.positional)
    request = Request("i1", Actor("slack:T1:UAIKO", Surface.SLACK, "UAIKO"), AIKO, Origin("C1"), words, params)
    asyncio.run(command.handler(request, asked))
    return asked.requested


@pytest.mark.parametrize(
    ("words", "runbook", "params"),
    [
        ("latest", "restore-database", {"backup": "latest", "database": "takumi_staging"}),
        ("latest takumi", "restore-database", {"backup": "latest", "database": "takumi"}),
        (
            '--to-time "2026-11-23 14:05 UTC"',
            "restore-to-time",
            {"to_time": "2026-11-23 14:05 UTC", "database": "takumi_staging"},
        ),
        (
            "--to-time \u201c2026-11-23 14:05 UTC\u201d takumi",
            "restore-to-time",
            {"to_time": "2026-11-23 14:05 UTC", "database": "takumi"},
        ),
        (
            "--to-time 2026-11-23T14:05Z --database takumi",
            "restore-to-time",
            {"to_time": "2026-11-23T14:05Z", "database": "takumi"},
        ),
    ],
)
def test_a_backup_or_a_moment_is_asked_for(words: str, runbook: str, params: dict[str, str]) -> None:
    (requested,) = typed(words)
    assert requested[0] == runbook
    assert {name: requested[1][name] for name in params} == params


def test_neither_backup_nor_moment_asks_for_nothing() -> None:
    with pytest.raises(RequestError, match="backup is missing"):
        typed("--database takumi")


def test_clusters_are_in_the_calendar_only_where_there_is_a_repository() -> None:
    assert not set(CLUSTER) & set(rows())
    assert not set(CLUSTER) & set(firing())
    assert set(CLUSTER) <= set(firing(clusters=True))


def test_the_calendar_starts_each_kind_of_cluster_backup() -> None:
    for row in CLUSTER:
        asked = Asked()
        assert row.starter is not None
        start = starts_runbook(asked, row.starter.name, "C1", row.starter.params)  # type: ignore[arg-type]
        asyncio.run(start(datetime(2026, 11, 24, tzinfo=UTC)))
        assert asked.requested == [("backup-cluster", {"type": row.key.removeprefix("cluster-")})]
