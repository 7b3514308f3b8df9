"""`/takumi audit`: who did what."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import Field

from bot.domain import phrases
from bot.domain.audit import RecordedEntry
from bot.domain.commands import Command, Family, Request
from bot.domain.documents import Document, Note, Reply, Table, Text
from bot.domain.errors import Refused
from bot.domain.moments import read_past
from bot.domain.params import Params
from bot.domain.people import Actor
from bot.services.registry import Services
from bot.services.rows import AuditQuery


class ReadAudit(Params):
    """Which entries to show."""

    run: int | None = Field(None, description="Only those of this run, by its number.")
    person: str = Field("", description="Only those of this person: @mention or principal.")
    target: str = Field("", description="Only those that name this database, service, runbook or word.")
    since: str = Field("", description="Only those since then: 2h, 18:00, 2026-11-20 or 2026-11-20T18:00.")
    before: int | None = Field(None, description="Only entries older than this number, for paging.")
    limit: int = Field(20, ge=1, le=1000, description="How many, newest first; many come as a file.")


async def read(request: Request, services: Services) -> Reply:
    wanted: ReadAudit = request.params
    query = await _query(wanted, request, services)
    if not request.person.roles:
        query = _own(query, request)
    found = await services.trail.find(query)
    if not found:
        return Reply(Document("The trail holds no such entry.", [Text("The trail holds no such entry.")]))
    numbers = await _run_numbers({recorded.entry.run for recorded in found}, services)
    rows = tuple(_row(entry, numbers) for entry in found)
    summary = f"{phrases.count(len(found), 'entry', 'entries')}, newest first."
    more = f"For older ones: {services.places.command} audit before={found[-1].id}"
    table = Table(("No", "When", "Who", "What", "About", "Run"), rows, people=frozenset({2}))
    return Reply(Document(summary, [Text(summary), table, Note(more)]))


async def _query(wanted: ReadAudit, request: Request, services: Services) -> AuditQuery:
    run = (await services.runs.find(wanted.run)).id if wanted.run else ""
    async with services.store.work() as work:
        now = await work.now()
    zone = services.approvals.rules.timetable.hours.zone
    since = read_past(wanted.since, now, zone) if wanted.since else None
    principal = _principal(wanted.person, request, services)
    return AuditQuery(
        run=run, principal=principal, target=wanted.target, since=since, before=wanted.before, limit=wanted.limit
    )


def _principal(person: str, request: Request, services: Services) -> str:
    """Whom a mention, or a principal as the trail shows it, means."""
    said = person.strip("<@>").split("|")[0]
    if not said or ":" in said:
        return said
    return services.approvals.people.actor(said, request.person.team).principal


def _own(query: AuditQuery, request: Request) -> AuditQuery:
    """Who fills no role sees what they did themselves. Raises: Refused when they ask for somebody else."""
    own = request.actor.principal
    if query.principal not in ("", own):
        raise Refused("What others did is shown to those who fill a role.", hint="Ask somebody who fills one.")
    return replace(query, principal=own)


def _row(recorded: RecordedEntry, numbers: Mapping[str, str]) -> tuple[str, ...]:
    entry = recorded.entry
    return (
        str(recorded.id),
        phrases.instant(recorded.at),
        _who(entry.actor),
        entry.verb.value,
        entry.subject,
        numbers.get(entry.run, ""),
    )


async def _run_numbers(run_ids: set[str], services: Services) -> Mapping[str, str]:
    """What people call the runs."""
    async with services.store.work() as work:
        runs = [await work.runs.get(run_id) for run_id in run_ids if run_id]
    return {run.id: str(run.number) for run in runs if run is not None}


def _who(actor: Actor) -> str:
    return actor.principal.rpartition(":")[2] if actor.is_person else actor.principal


READ = Command(
    "", "Show entries of the audit trail.", read, ReadAudit, ("run",), sensitive=True, example="audit person=@aiko"
)
FAMILY = Family("audit", "Who did what.", (READ,))
