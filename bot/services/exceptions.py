"""What changes the rules for a while, each with a reason and an entry: incidents, freezes, reviews of broken glass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import phrases
from bot.domain.audit import Entry, Verb
from bot.domain.errors import Refused, RequestError
from bot.domain.freezes import Freeze
from bot.domain.incidents import Incident
from bot.domain.people import Actor, Role
from bot.domain.risk import Severity
from bot.domain.runs import Run
from bot.policy.approvals import LEADS
from bot.services.answers import answered_once, keep_answer
from bot.services.calls import REVIEWERS
from bot.services.messages import want
from bot.services.people import must_be_welcome
from bot.services.ports import Chat, Store, Work
from bot.services.seats import named

FREEZERS = LEADS | {Role.SECURITY}


@dataclass(frozen=True)
class Exceptions:
    """Every method audits in the transaction of the change. Raises: Refused, RequestError."""

    store: Store
    chat: Chat

    @answered_once
    async def declare(self, actor: Actor, severity: Severity, title: str) -> str:
        async with self.store.work() as work:
            incident = await open_incident(work, actor, severity, title)
            return await keep_answer(work, f"Incident {incident.number} is open: {severity.value}, {title}.")

    @answered_once
    async def resolve(self, actor: Actor, number: int, note: str) -> str:
        async with self.store.work() as work:
            if not await work.incidents.resolve(number, actor.principal):
                raise RequestError(f"No incident {number} is open.", hint="`/takumi incident` lists the open ones.")
            entry = Entry(actor, Verb.INCIDENT_RESOLVED, f"incident {number}", details={"note": note})
            await work.audit.record(entry)
            return await keep_answer(work, f"Incident {number} is resolved: {note}.")

    async def open_incidents(self) -> Sequence[Incident]:
        async with self.store.work() as work:
            return await work.incidents.open()

    @answered_once
    async def freeze(self, actor: Actor, until: datetime, reason: str) -> str:
        await self._must_fill(actor, FREEZERS)
        async with self.store.work() as work:
            freeze = await work.freezes.add(Freeze(until, reason, actor.principal))
            details = {"until": until.isoformat(), "reason": reason}
            await work.audit.record(Entry(actor, Verb.FREEZE_DECLARED, f"freeze {freeze.number}", details=details))
            return await keep_answer(work, f"Frozen until {phrases.instant(until)}: {reason}")

    @answered_once
    async def lift(self, actor: Actor, reason: str) -> str:
        await self._must_fill(actor, FREEZERS)
        async with self.store.work() as work:
            lifted = await work.freezes.lift(actor.principal)
            if not lifted:
                raise RequestError("There is no freeze to lift.", hint="Nothing to do.")
            details: Mapping[str, object] = {"lifted": lifted, "reason": reason}
            await work.audit.record(Entry(actor, Verb.FREEZE_LIFTED, "freeze", details=details))
            return await keep_answer(work, f"{phrases.count(lifted, 'freeze')} lifted.")

    async def standing(self) -> Sequence[Freeze]:
        async with self.store.work() as work:
            return await work.freezes.standing()

    @answered_once
    async def review(self, actor: Actor, run: Run, note: str) -> str:
        """The look back that broken glass owes: by somebody else than who broke it."""
        await self._must_fill(actor, REVIEWERS)
        async with self.store.work() as work:
            if await work.reviews.get(run.id) is None:
                raise RequestError(
                    f"{run.label} broke no glass.", hint="`/takumi review` lists what has to be reviewed."
                )
            if actor.principal == run.requester:
                raise Refused("You broke the glass yourself: somebody else has to look back.", hint="Ask a colleague.")
            if not await work.reviews.done(run.id, actor.principal, note, await work.now()):
                raise Refused(f"{run.label} has been reviewed already.", hint="Nothing more is needed.")
            entry = Entry(actor, Verb.REVIEW_DONE, run.runbook, run.id, run.digest, {"note": note})
            await work.audit.record(entry)
            head = await work.messages.get(f"review:{run.id}")
            await want(work, *((head,) if head else ()))
            return await keep_answer(work, f"The review of {run.label} is done.")

    async def undone_reviews(self) -> Sequence[Run]:
        async with self.store.work() as work:
            runs = [await work.runs.get(one.run) for one in await work.reviews.undone()]
        return [run for run in runs if run is not None]

    async def _must_fill(self, actor: Actor, roles: frozenset[Role]) -> None:
        person = await self.chat.person(actor.slack_user, fresh_roles=True)
        must_be_welcome(person)
        if not person.roles & roles:
            raise Refused(f"This needs {named(roles)}, a role that you do not fill.", hint="Ask somebody who does.")


async def open_incident(work: Work, actor: Actor, severity: Severity, title: str) -> Incident:
    """With its entry, in the caller's transaction."""
    incident = await work.incidents.add(Incident(severity, title, actor.principal))
    details = {"severity": severity.value, "title": title}
    await work.audit.record(Entry(actor, Verb.INCIDENT_DECLARED, f"incident {incident.number}", details=details))
    return incident
