"""`/takumi alerts`: what fires, and who is on it."""

from pydantic import Field

from bot.domain import phrases
from bot.domain.alerts import AlertGroup
from bot.domain.commands import Command, Family, Request
from bot.domain.documents import Document, Reply, Table, Text
from bot.domain.params import Params
from bot.domain.risk import Risk
from bot.policy.alertmanager_file import alertmanager_file
from bot.services.registry import Services


class ListAlerts(Params):
    """Which alerts to list."""

    limit: int = Field(0, ge=0, le=90, description="The latest so many, resolved ones too; 0 lists what fires.")


class AnswerAlert(Params):
    """Which alert."""

    number: int = Field(description="The alert's number.")


class CloseAlert(Params):
    """Which alert, and how it ended."""

    number: int = Field(description="The alert's number.")
    because: str = Field(description="How it ended.")


class SilenceAlert(Params):
    """Which alert, until when, and why."""

    number: int = Field(description="The alert's number.")
    until: str = Field(description="2h, 18:00 or 2026-11-30T18:00; 7 days at most.")
    because: str = Field(description="Why.")


async def show(request: Request, services: Services) -> Reply:
    wanted: ListAlerts = request.params
    async with services.store.work() as work:
        found = await work.alerts.recent(wanted.limit) if wanted.limit else await work.alerts.firing()
    if not found:
        return Reply(Document("No alert fires.", [Text("No alert fires.")]))
    header = ("No", "Severity", "What", "Since", "State", "Who")
    summary = f"{phrases.count(len(found), 'alert')}, " + (
        "newest first." if wanted.limit else "the most urgent first."
    )
    table = Table(header, tuple(_row(group) for group in found), people=frozenset({5}))
    return Reply(Document(summary, [Text(summary), table]))


async def acknowledge(request: Request, services: Services) -> Reply:
    said = await services.alerts.acknowledge(request.params.number, request.actor)
    return Reply(Document(said, [Text(said)]))


async def close(request: Request, services: Services) -> Reply:
    said = await services.alerts.close(request.params.number, request.actor, request.params.because)
    return Reply(Document(said, [Text(said)]))


async def silence(request: Request, services: Services) -> Reply:
    wanted: SilenceAlert = request.params
    said = await services.silences.silence(wanted.number, request.actor, wanted.until, wanted.because)
    return Reply(Document(said, [Text(said)]))


async def lift(request: Request, services: Services) -> Reply:
    said = await services.silences.lift(request.params.number, request.actor)
    return Reply(Document(said, [Text(said)]))


async def escalate(request: Request, services: Services) -> Reply:
    said = await services.summoning.escalate(request.params.number, request.actor)
    return Reply(Document(said, [Text(said)]))


async def configuration(_request: Request, _services: Services) -> Reply:
    summary = "An alertmanager.yml with which alerts bring their labels, can be silenced and end by themselves."
    return Reply(Document(summary, [Text(summary), Text(alertmanager_file(), code=True)]))


def _row(group: AlertGroup) -> tuple[str, ...]:
    since = phrases.instant(group.opened_at) if group.opened_at else ""
    who = group.acknowledged_slack or group.acknowledged_by
    return (str(group.number), group.severity.value, group.title, since, group.status.value, who)


FAMILY = Family(
    "alerts",
    "What fires, and who is on it.",
    (
        Command("", "List the alerts that fire.", show, ListAlerts, ("limit",), example="alerts"),
        Command(
            "acknowledge", "Say that you are on it.", acknowledge, AnswerAlert, ("number",), Risk.ROUTINE,
            example="alerts acknowledge 3",
        ),
        Command(
            "close", "End an alert whose sender never does.", close, CloseAlert, ("number",), Risk.ROUTINE,
            example="alerts close 3 because it was a drill",
        ),
        Command("configuration", "An alertmanager.yml for all of it.", configuration, example="alerts configuration"),
        Command(
            "silence", "Have Alertmanager be silent about it.", silence, SilenceAlert, ("number", "until"),
            Risk.ROUTINE, example="alerts silence 3 2h because the disk is on its way",
        ),
        Command(
            "lift", "End its silence.", lift, AnswerAlert, ("number",), Risk.ROUTINE, example="alerts lift 3",
        ),
        Command(
            "escalate", "Call the next of the table now.", escalate, AnswerAlert, ("number",), Risk.ROUTINE,
            example="alerts escalate 3",
        ),
    ),
)  # fmt: skip
