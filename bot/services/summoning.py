"""Help for an alert before its clock brings it: the next of the table is called at once, an incident is declared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain.alerts import AlertEventKind, AlertGroup
from bot.domain.calls import CallRow, Event
from bot.domain.errors import RequestError
from bot.domain.people import Actor, Role
from bot.policy.escalation import ESCALATIONS
from bot.services.alerts import Alerts
from bot.services.answers import answered_once, keep_answer
from bot.services.exceptions import open_incident
from bot.services.messages import want
from bot.services.ports import Chat, Store, Work
from bot.services.rows import MessageRow


@dataclass(frozen=True)
class Summoning:
    """Also for who has acknowledged it, and needs somebody."""

    store: Store
    chat: Chat
    alerts: Alerts

    @answered_once
    async def escalate(self, number: int, actor: Actor) -> str:
        """Call the next of the table who has not been called. Raises: RequestError, ChatUnavailable."""
        async with self.store.work() as work:
            group = await self.alerts.must_fire(work, number)
        people = {role: await self.chat.members(role) - {actor.slack_user} for role in _table(group)}
        async with self.store.work() as work:
            group = await self.alerts.must_fire(work, number)
            rows = await work.calls.about(f"alert:{number}")
            role = _next(group, rows, people)
            await self._call(work, group, rows, role, tuple(sorted(people[role])))
            await self.alerts.acted(work, group, actor, AlertEventKind.ESCALATED, f"to {role.label}")
            return await keep_answer(work, f"The {role.label} is called about {group.label}.")

    async def _call(
        self, work: Work, group: AlertGroup, rows: Sequence[CallRow], role: Role, users: tuple[str, ...]
    ) -> None:
        """The table goes on beside it: who has not answered by then is called again at their time."""
        about = f"alert:{group.number}"
        made = CallRow(about, len(rows), Event.PAGED, role, await work.now())
        await work.calls.add(made)
        await work.calls.make(about, made.position, users)
        key, channel = f"{about}:{made.position}", self.alerts.rules.alerts_channel
        direct = [MessageRow(f"direct:{key}:{user}", user) for user in users]
        await want(work, MessageRow(f"call:{key}", channel, parent=group.message), *direct)

    @answered_once
    async def declare(self, number: int, actor: Actor) -> str:
        """Open an incident as urgent as the alert. Raises: RequestError where it has one."""
        async with self.store.work() as work:
            group = await self.alerts.must_fire(work, number)
            if group.incident:
                hint = "`/takumi incident` lists the open ones."
                raise RequestError(f"{group.label} belongs to incident {group.incident} already.", hint=hint)
            incident = await open_incident(work, actor, group.severity, f"{group.title} ({group.label})")
            after = replace(group, incident=incident.number)
            await work.alerts.save(after)
            await self.alerts.acted(work, after, actor, AlertEventKind.INCIDENT, f"incident {incident.number}")
            told = f"Incident {incident.number} is open: {group.severity.value}, {incident.title}."
            return await keep_answer(work, told)


def _table(group: AlertGroup) -> tuple[Role, ...]:
    calls = ESCALATIONS[group.severity].calls
    return tuple(call.role for call in calls if call.event is Event.CALLED and call.role)


def _next(group: AlertGroup, rows: Sequence[CallRow], people: Mapping[Role, frozenset[str]]) -> Role:
    """Raises: RequestError when everybody has been called."""
    called = {row.role for row in rows if row.users and row.event in (Event.CALLED, Event.PAGED)}
    for role in _table(group):
        if people[role] and role not in called:
            return role
    hint = "Mention them in its thread, or declare an incident."
    raise RequestError(f"Everybody whom the table names for {group.label} has been called.", hint=hint)
