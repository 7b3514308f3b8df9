"""The Home tab: what waits for somebody, what runs, what is broken, what comes, and what they may start."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain import markup, phrases
from bot.domain.alerts import AlertGroup
from bot.domain.documents import Button, Buttons, Divider, Document, Heading, Note, Part, Rich, Style
from bot.domain.errors import OperationFailed
from bot.domain.people import Actor, Person
from bot.domain.runs import Run, RunState
from bot.services.people import can_ask, must_be_welcome
from bot.services.ports import Chat, ChatUnavailable, Posted
from bot.services.registry import Firing, Services
from bot.services.scoreboard import Met
from bot.services.seats import Case, named, need_of, open_seats

# Opening the tab, and its button.
HOME = ("home.opened", "home.refresh")
SHOWN = 8
MOST_BUTTONS = 10
AT_WORK = (RunState.APPROVED, RunState.RUNNING, RunState.INTERRUPTED)
_STATE_SIGNS = {RunState.INTERRUPTED: ":warning:", RunState.RUNNING: ":hourglass_flowing_sand:"}


@dataclass(frozen=True)
class Home:
    """Paints one person's Home from the rows as they are now; nothing of it is kept."""

    services: Services
    chat: Chat

    async def page(self, actor: Actor, person: Person) -> Document:
        """Raises: Refused for a guest or a stranger; ChatUnavailable, Unavailable."""
        must_be_welcome(person)
        parts = [
            *await self._waits(actor, person),
            *await self._runs(),
            *await self._broken(),
            *self._comes(),
            *self._buttons(person),
        ]
        return Document("Takumi", parts)

    async def _waits(self, actor: Actor, person: Person) -> list[Part]:
        mine, others = await self.services.approvals.waiting_for(actor, person)
        lines = [await self._case(case) for case in mine[:SHOWN]]
        alerts = [group for group in await self._firing() if group.acknowledged_by == actor.principal]
        lines += [f":eyes: {_alert(group)}: you are on it" for group in alerts[:SHOWN]]
        note = (
            [Note(f"{phrases.count(others, 'more request waits', 'more requests wait')} for others.")] if others else []
        )
        return [Heading("Waits for you"), *_lines(lines, "Nothing waits for you."), *note]

    async def _case(self, case: Case) -> str:
        run = case.run
        needs = ", and ".join(named(seat) for seat in open_seats(need_of(run), case.earlier))
        until = f" by {phrases.instant(run.expires_at)}" if run.expires_at else ""
        asked = f"asked by {markup.mention(run.requester_slack)}" if run.requester_slack else ""
        return f":raising_hand: {await self._named(run)} {asked}: needs {markup.literal(needs)}{until}"

    async def _named(self, run: Run) -> str:
        """The run's name, linked to its card: it is decided on where the plan can be read."""
        label = f"{run.severity.value} {run.title} ({run.label})"
        async with self.services.store.work() as work:
            head = await work.messages.get(f"run:{run.id}")
        if head is None or not head.ts:
            return markup.bold(label)
        try:
            return markup.link(await self.chat.link(Posted(head.channel, head.ts)), label)
        except (OperationFailed, ChatUnavailable):
            return markup.bold(label)  # a line without a link says all but where

    async def _runs(self) -> list[Part]:
        async with self.services.store.work() as work:
            found = await work.runs.recent(SHOWN, states=AT_WORK)
        lines = [
            f"{_STATE_SIGNS.get(run.state, ':white_circle:')} {await self._named(run)}: {run.state.value}"
            for run in found
        ]
        return [Heading("Runs now"), *_lines(lines, "Nothing runs.")]

    async def _broken(self) -> list[Part]:
        incidents = await self.services.exceptions.open_incidents()
        reviews = await self.services.exceptions.undone_reviews()
        missed = [one for one in await self.services.scoreboard.standings() if one.met is Met.MISSED]
        lines = [
            f":fire: {one.severity.value} {markup.literal(one.title)} (incident {one.number})" for one in incidents
        ]
        lines += [f":rotating_light: {_alert(group)}" for group in await self._firing()]
        lines += [
            f":red_circle: {one.objective.component}: {markup.literal(told)}" for one in missed for told in one.problems
        ]
        lines += [f":warning: {await self._named(run)}: broken glass that nobody has reviewed" for run in reviews]
        return [Heading("Broken"), *_lines(lines[: 2 * SHOWN], "Nothing is known to be broken.")]

    async def _firing(self) -> Sequence[AlertGroup]:
        async with self.services.store.work() as work:
            return await work.alerts.firing()

    def _comes(self) -> list[Part]:
        due = sorted((one for one in self.services.calendar() if one.next_at), key=lambda one: str(one.next_at))
        lines = [f":calendar: {_instant(one)} {markup.literal(one.task)}" for one in due[:SHOWN]]
        return [Heading("Comes"), *_lines(lines, "Nothing is planned.")]

    def _buttons(self, person: Person) -> list[Part]:
        """The runbooks whose owner's role the person fills; the launcher has the others."""
        books = [loaded.runbook for loaded in self.services.catalog.runbooks.values()]
        own = [book for book in books if book.owner in person.roles and can_ask(person, book.risk)]
        drawn = [Button(book.title, "runbook.open", book.name) for book in own[:MOST_BUTTONS]]
        more = Button("Find a runbook", "launcher.open", "home", Style.PRIMARY)
        return [Divider(), Buttons((*drawn, more, Button("Refresh", "home.refresh", "home")))]


def _lines(lines: Sequence[str], empty: str) -> list[Part]:
    return [Rich("\n".join(lines))] if lines else [Note(empty)]


def _alert(group: AlertGroup) -> str:
    return f"{group.severity.value} {markup.literal(group.title)} ({group.label})"


def _instant(firing: Firing) -> str:
    return phrases.instant(firing.next_at) if firing.next_at else ""
