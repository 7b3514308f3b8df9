"""Decisions on requests: who may say yes, whether it is still the same plan, and when silence ends it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.domain.approvals import Decision, DecisionRule, Verdict, needs_proof
from bot.domain.audit import Entry, Verb
from bot.domain.errors import BotError, OperationFailed, Refused, RequestError
from bot.domain.factors import Proof
from bot.domain.people import Actor, Person, Role, Surface
from bot.domain.risk import Risk
from bot.domain.runs import Run, RunState
from bot.policy.approvals import START_WITHIN
from bot.policy.rules import Rules
from bot.services.answers import answered_once, keep_answer
from bot.services.circumstances import frozen
from bot.services.directory import Directory, StaticLists
from bot.services.freshness import Fresh, Freshness, card_of
from bot.services.messages import want_run_messages, want_to_sign, want_told
from bot.services.people import People, must_be_welcome
from bot.services.ports import ChatUnavailable, Store, Work
from bot.services.proofs import Proofs
from bot.services.rows import Job, Wake
from bot.services.seats import Case, distinct, may_decide, named, need_of, open_seats, seat_for

NO_PROOF = Proof()
# A table in Slack has a hundred rows.
MOST_WAITING = 90


@dataclass(frozen=True)
class Approvals:
    """Every rule here is held by the database as well; this says which one it was."""

    store: Store
    chat: Directory
    people: People
    freshness: Freshness
    rules: Rules = field(default_factory=Rules)
    proofs: Proofs | None = None
    lists: StaticLists = field(default_factory=lambda: StaticLists({}))

    @answered_once
    async def decide(
        self, run_id: str, actor: Actor, verdict: Verdict, reason: str = "", proof: Proof = NO_PROOF
    ) -> str:
        """One person's word on a request; the answer is for that person. Raises: Refused, RequestError."""
        person = await self.chat.person(actor.slack_user, fresh_roles=True)
        must_be_welcome(person)
        async with self.store.work() as work:
            run = await work.runs.get(run_id)
            earlier = await work.approvals.of_run(run_id)
            now = await work.now()
        if run is None:
            raise RequestError("There is no such request.", hint="`/takumi runs` lists what there is.")
        role = await self._seat(Case(run, earlier, now), person, actor, verdict)
        proven = await self._proven(run, role, actor, proof) if verdict is Verdict.APPROVED else ""
        decision = Decision(run.id, run.digest, actor.principal, actor.slack_user, role, verdict, reason, proven)
        if verdict is Verdict.APPROVED:
            await self._must_be_fresh(run, actor)
        return await self._record(run, decision, actor)

    async def _seat(self, case: Case, person: Person, actor: Actor, verdict: Verdict) -> Role:
        """Where they sit; for who could sit in several seats, others are looked up. Raises: Refused."""
        role = seat_for(case, person, actor, verdict)
        if verdict is Verdict.DENIED or len(person.roles & need_of(case.run).roles) == 1:
            return role
        gone = {actor.principal, *(one.approver for one in case.earlier)}
        able = await self._able(case.run)
        return seat_for(case, person, actor, verdict, [roles for who, roles in able.items() if who not in gone])

    async def _proven(self, run: Run, role: Role, actor: Actor, proof: Proof) -> str:
        """How they were proven, where the risk asks for it. Raises: Refused."""
        if not needs_proof(run) and not proof.given:
            return ""
        if self.proofs is None or not proof.given:
            raise Refused(DecisionRule.UNPROVEN, hint="The buttons of its card ask for it; `/takumi factor` enrols.")
        return await self.proofs.check(actor, run, role, proof)

    async def challenge(self, run_id: str, actor: Actor) -> tuple[str, Mapping[str, Any]]:
        """What somebody's wallet signs to approve: a nonce and typed data. Raises: Refused, RequestError."""
        person = await self.chat.person(actor.slack_user, fresh_roles=True)
        must_be_welcome(person)
        async with self.store.work() as work:
            run, now = await work.runs.get(run_id), await work.now()
            earlier = await work.approvals.of_run(run_id)
        if run is None or self.proofs is None:
            raise RequestError("There is no such request.", hint="`/takumi runs` lists what there is.")
        role = await self._seat(Case(run, earlier, now), person, actor, Verdict.APPROVED)
        nonce, typed = await self.proofs.challenge(actor, run, role)
        if actor.surface is Surface.SLACK:
            async with self.store.work() as work:
                await want_to_sign(work, run, actor.slack_user, nonce)
        return nonce, typed

    async def _must_be_fresh(self, run: Run, actor: Actor) -> None:
        """Raises: Refused when the approval would not be for what would happen."""
        fresh = await self._look(run)
        if isinstance(fresh, BotError) or fresh.changed:
            why = str(fresh) if isinstance(fresh, BotError) else "; ".join(fresh.changed)
            await self.void(run, actor, why)
            raise Refused(f"This request is void: {why}.", hint="Ask for it again to see the plan as it is now.")
        if fresh.drifted:
            raise await self._moved(run, fresh, actor)

    async def _moved(self, run: Run, fresh: Fresh, actor: Actor) -> Refused:
        """Show the facts as they are now; whoever clicked saw the former card, so their click must never count."""
        why, hint = f"The facts have moved: {'; '.join(fresh.drifted)}.", "Read the card again, then decide."
        async with self.store.work() as work:
            await work.runs.save_card(run.id, card_of(fresh.plan))
            await work.audit.record(_entry(actor, Verb.APPROVAL_REFUSED, run, {"why": why}))
            await want_run_messages(work, run)
            await keep_answer(work, f"{why} {hint}")
        return Refused(why, hint=hint)

    async def _look(self, run: Run) -> Fresh | BotError:
        try:
            return await self.freshness.look(run)
        except (OperationFailed, Refused, RequestError) as error:
            return error

    async def void(self, run: Run, actor: Actor, why: str) -> bool:
        """End a waiting or approved request whose plan is no longer what was seen."""
        failure = f"The approval is void: {why}."
        hint = "Nothing was done. Ask for it again to see the plan as it is now."
        async with self.store.work() as work:
            if not await work.runs.move(run.id, run.state, RunState.REFUSED, failure=failure, hint=hint):
                return False
            await work.audit.record(_entry(actor, Verb.APPROVAL_VOIDED, run, {"why": why}))
            await want_run_messages(work, await work.runs.get(run.id) or run)
        return True

    async def _record(self, run: Run, decision: Decision, actor: Actor) -> str:
        async with self.store.work() as work:
            await work.approvals.add(decision)
            verb = Verb.APPROVAL_GIVEN if decision.verdict is Verdict.APPROVED else Verb.APPROVAL_DENIED
            details = {"role": decision.role.value, "reason": decision.reason, "proof": decision.proof}
            await work.audit.record(_entry(actor, verb, run, details))
            decisions = await work.approvals.of_run(run.id)
            said, state = await self._consequence(work, run, decisions, actor)
            await want_run_messages(work, replace(run, state=state))
            await want_told(work, run, len(decisions))
            return await keep_answer(work, said)

    async def _consequence(
        self, work: Work, run: Run, decisions: Sequence[Decision], actor: Actor
    ) -> tuple[str, RunState]:
        """What the newest of the decisions means, and how the run stands then."""
        newest = decisions[-1]
        if newest.verdict is Verdict.DENIED:
            failure = f"Denied by {newest.role.label}" + (f": {newest.reason}" if newest.reason else ".")
            await work.runs.move(run.id, RunState.REQUESTED, RunState.REFUSED, failure=failure)
            return f"{run.label} is denied; nothing was done.", RunState.REFUSED
        missing = open_seats(need_of(run), decisions)
        if missing:
            return f"Noted. {run.label} still needs: {', '.join(named(seat) for seat in missing)}.", run.state
        await work.runs.move(run.id, RunState.REQUESTED, RunState.APPROVED)
        await work.audit.record(_entry(actor, Verb.RUN_APPROVED, run, {}))
        await work.defer(Wake(Job.ADVANCE_RUN, run.id))
        return f"{run.label} is approved and starts now.", RunState.APPROVED

    async def waiting(self) -> Sequence[Case]:
        """What waits for a yes, newest first."""
        async with self.store.work() as work:
            runs, now = await work.runs.recent(MOST_WAITING, states=(RunState.REQUESTED,)), await work.now()
            return [Case(run, await work.approvals.of_run(run.id), now) for run in runs]

    async def waiting_for(self, actor: Actor, person: Person) -> tuple[Sequence[Case], int]:
        """What waits for this person's yes, newest first, and how many more requests wait for others."""
        cases = await self.waiting()
        mine = [case for case in cases if may_decide(case, actor, person)]
        return mine, len(cases) - len(mine)

    async def must_be_approvable(self, run: Run) -> None:
        """Raises: Refused naming the role that nobody but the requester could fill."""
        need = need_of(run)
        able = await self._able(run)
        candidates = [frozenset(who for who, roles in able.items() if roles & seat) for seat in need.seats]
        for seat, people in zip(need.seats, candidates, strict=True):
            if not people and needs_proof(run):
                raise Refused(
                    f"Nobody else who fills {named(seat)} has a proof beyond the Slack session, which this needs.",
                    hint="They enrol with `/takumi factor code` or `/takumi factor wallet`.",
                )
            if not people:
                raise Refused(
                    f"Nobody but you could approve this: it needs {named(seat)}, and nobody else fills that role.",
                    hint="Add somebody to the Slack user group of that role, then ask again.",
                )
        if not distinct(candidates):
            raise Refused("It needs two different people, and only one fills these roles.", hint="Add somebody.")

    async def _able(self, run: Run) -> Mapping[str, frozenset[Role]]:
        """The principals whose yes could count, each with the roles that it could be in; never the requester."""
        found: dict[str, frozenset[Role]] = {}
        for role in sorted(need_of(run).roles):
            for user in await self.chat.members(role):
                person = await self.chat.person(user)
                if not person.refusal:
                    principal = self.people.actor(user, person.team).principal
                    found[principal] = found.get(principal, frozenset()) | {role}
        found.pop(run.requester, None)
        return {who: roles for who, roles in found.items() if await self._can_prove(run, who)}

    async def _can_prove(self, run: Run, principal: str) -> bool:
        return not needs_proof(run) or (self.proofs is not None and bool(await self.proofs.usable(principal)))

    async def reason_not_to_start(self, run: Run, now: datetime) -> str:
        """What forbids an approved run to start now, or an empty string; looked at right before it starts."""
        if run.risk not in (Risk.DISRUPTIVE, Risk.DESTRUCTIVE):
            return ""
        async with self.store.work() as work:
            decisions = await work.approvals.of_run(run.id)
            stopped = "" if run.glass else await frozen(work, self.rules, now)
        if open_seats(need_of(run), decisions):
            return "an approval is missing"
        if needs_proof(run) and not all(one.proof for one in decisions):
            return "an approver was not proven"
        if stopped:
            return stopped[0].lower() + stopped[1:]
        at = max((decision.at for decision in decisions if decision.at), default=now)
        if now - at > START_WITHIN:
            return f"it was approved and not started within {START_WITHIN.total_seconds() / 60:.0f} minutes"
        return await self._approver_gone(decisions) or await self._not_fresh(run)

    async def _approver_gone(self, decisions: Sequence[Decision]) -> str:
        for decision in decisions:
            person = await self._approver(decision)
            if person.refusal or decision.role not in person.roles:
                return f"an approver no longer fills the role of {decision.role.label}"
        return ""

    async def _approver(self, decision: Decision) -> Person:
        """A fresh look; with Slack away, the static lists are enough for who was proven beyond Slack."""
        try:
            return await self.chat.person(decision.slack_user, fresh_roles=True)
        except ChatUnavailable:
            if not decision.proof:
                raise
            return self.lists.person(decision.slack_user)

    async def _not_fresh(self, run: Run) -> str:
        fresh = await self._look(run)
        if isinstance(fresh, BotError):
            return str(fresh)
        return "; ".join((*fresh.changed, *fresh.drifted))


def _entry(actor: Actor, verb: Verb, run: Run, details: Mapping[str, object]) -> Entry:
    return Entry(actor, verb, run.runbook, run.id, run.digest, details)
