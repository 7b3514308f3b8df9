"""What people read when something waits for them, and what a requester reads of a decision."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain import markup, phrases
from bot.domain.approvals import Decision, Verdict
from bot.domain.calls import CallRow, Event
from bot.domain.documents import Document, Note, Part, Rich
from bot.domain.errors import OperationFailed
from bot.domain.reviews import Review
from bot.domain.runs import Run
from bot.services.alert_documents import called
from bot.services.ports import Chat, Posted, Store
from bot.services.seats import named, need_of, open_seats

_OPENINGS = {
    Event.ASKED: "your decision is asked for",
    Event.REMINDED: "this still waits",
    Event.CALLED: "nobody has answered so far, so you are called",
    Event.PAGED: "glass is being broken",
}


@dataclass(frozen=True)
class CallPainter:
    """Paints `call:<about>:<position>`, `direct:<about>:<position>:<user>`, `told:<run>:<n>`, `review:<run>`."""

    store: Store
    chat: Chat

    async def paint(self, key: str) -> Document | None:
        """None for a call, a run or an alert that is not there."""
        kind, kind_of_about, run_id, position, *_ = [*key.split(":"), "", ""]
        if kind_of_about == "alert":
            return await self._alert(int(run_id), position)
        async with self.store.work() as work:
            run = await work.runs.get(run_id)
            rows = [row for row in await work.calls.about(f"{kind_of_about}:{run_id}") if str(row.position) == position]
            decisions = await work.approvals.of_run(run_id)
        if run is None or not rows:
            return None
        waits = _review_waits(run) if kind_of_about == "review" else _run_waits(run, decisions)
        if kind == "direct":
            return direct(rows[0], run, waits, await self._link(run))
        return call(rows[0], run, waits)

    async def _alert(self, number: int, position: str) -> Document | None:
        async with self.store.work() as work:
            group = await work.alerts.get(number)
            rows = [row for row in await work.calls.about(f"alert:{number}") if str(row.position) == position]
        return called(group, rows[0]) if group and rows else None

    async def paint_decision(self, key: str) -> Document | None:
        _, run_id, number = key.split(":")
        async with self.store.work() as work:
            run = await work.runs.get(run_id)
            decisions = await work.approvals.of_run(run_id)
        return told(run, decisions, int(number)) if run and len(decisions) >= int(number) else None

    async def paint_review(self, key: str) -> Document | None:
        run_id = key.partition(":")[2]
        async with self.store.work() as work:
            run, found = await work.runs.get(run_id), await work.reviews.get(run_id)
        return review(run, found) if run and found else None

    async def _link(self, run: Run) -> str:
        async with self.store.work() as work:
            head = await work.messages.get(f"run:{run.id}")
        if head is None or not head.ts:
            return ""
        try:
            return await self.chat.link(Posted(head.channel, head.ts))
        except OperationFailed:
            return ""  # a message without a link says all but where


def call(row: CallRow, run: Run, waits: str) -> Document:
    """In the thread: who is asked for what, and by whom."""
    people = " ".join(markup.mention(user) for user in row.users)
    role = row.role.label if row.role else "the roles that it needs"
    who = people or f"Nobody (else) fills {markup.literal(role)}"
    asker = f"Asked by {markup.mention(run.requester_slack)}."
    said = f"{_sign(row)} {who}: {_OPENINGS[row.event]}. {waits} {asker}"
    return Document(f"{run.label} ({run.title}): {_OPENINGS[row.event]}.", [Rich(said)])


def direct(row: CallRow, run: Run, waits: str, link: str) -> Document:
    """To one person alone."""
    title = markup.bold(f"{run.title} ({run.label})")
    place = f" {markup.link(link, 'Its card')}." if link else ""
    return Document(
        f"{run.label} ({run.title}): {_OPENINGS[row.event]}.",
        [Rich(f"{_sign(row)} {title}: {_OPENINGS[row.event]}. {waits}{place}")],
    )


def told(run: Run, decisions: Sequence[Decision], number: int) -> Document:
    """To the requester, one message a decision."""
    one = decisions[number - 1]
    said = "approved" if one.verdict is Verdict.APPROVED else "denied"
    line = f"{markup.mention(run.requester_slack)}: {markup.mention(one.slack_user)} {said} it as {one.role.label}."
    missing = open_seats(need_of(run), decisions[:number])
    if one.verdict is Verdict.APPROVED:
        wanted = markup.literal(", ".join(map(named, missing)))
        line += f" Still needed: {wanted}." if missing else " Nothing is missing."
    return Document(f"{run.label} ({run.title}) was {said} by {one.role.label}.", [Rich(line)])


def review(run: Run, found: Review) -> Document:
    """The task that broken glass makes."""
    if found.done_at is not None:
        sign, state = ":white_check_mark:", f"reviewed by {found.done_by.rpartition(':')[2]}: {found.note}"
    else:
        sign, state = ":rotating_light:", "glass was broken; somebody else than who did it has to look back"
    parts: list[Part] = [
        Rich(f"{sign} {markup.bold(f'{run.title} ({run.label})')}: {markup.literal(state)}."),
        Rich(f"*Why:* {markup.literal(run.glass)} (incident {run.incident}, by {markup.mention(run.requester_slack)})"),
    ]
    if found.done_at is None:
        parts.append(Note(f"Done with: /takumi review done {run.number} because <what was found>"))
    return Document(f"{run.label}: {state}.", parts)


def _sign(row: CallRow) -> str:
    return {Event.ASKED: ":raising_hand:", Event.REMINDED: ":hourglass:"}.get(row.event, ":rotating_light:")


def _run_waits(run: Run, decisions: Sequence[Decision]) -> str:
    missing = open_seats(need_of(run), decisions)
    if not missing:
        return "It waits no longer."
    until = f" by {phrases.instant(run.expires_at)}" if run.expires_at else ""
    wanted = ", and ".join(named(seat) for seat in missing)
    return f"{run.severity.value}: it needs {markup.literal(wanted)}{until}."


def _review_waits(run: Run) -> str:
    return f"{run.label} broke glass, and nobody has looked back yet."
