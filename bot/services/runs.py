"""Runs from the request to the moment when a worker takes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bot.domain.audit import Entry, Verb
from bot.domain.canonical import digest
from bot.domain.catalog import Catalog, Loaded
from bot.domain.commands import Request
from bot.domain.errors import OperationFailed, Refused, RequestError
from bot.domain.grammar import validated
from bot.domain.operations import PREVIEW, StepContext
from bot.domain.params import Params
from bot.domain.people import Actor
from bot.domain.plans import Plan
from bot.domain.risk import Risk
from bot.domain.runbooks import Runbook, RunInfo
from bot.domain.runs import Origin, Run, RunState, StepRow
from bot.services import traces
from bot.services.answers import answered_once, keep_answer
from bot.services.approvals import Approvals
from bot.services.asking import ask_people, must_be_confirmed, refuse_repeat
from bot.services.circumstances import circumstances
from bot.services.freshness import card_of
from bot.services.gate import Gate
from bot.services.messages import want_run_messages
from bot.services.ports import Store, Tools
from bot.services.rows import Job, Wake
from bot.services.run_ports import RunKnownError
from bot.services.seats import need_of


@dataclass(frozen=True)
class Asked:
    """Who asks for a run, in which conversation, and which run it undoes.

    `request` is the inbox id or the calendar's instant: a request worked on twice (a redelivery, a worker that died)
    finds the run it made the first time. `confirm` is the target's name as they typed it, `glass` the reason for which
    they break it.
    """

    request: str
    actor: Actor
    origin: Origin
    undoes: str = ""
    confirm: str = ""
    glass: str = ""


def asked_by(request: Request) -> Asked:
    """What a command or a modal asks for; what it says beside the parameters is in its values."""
    said = request.values
    confirm, glass = said.get("confirm", ""), said.get("break_glass", "")
    return Asked(request.id, request.actor, request.origin, confirm=confirm, glass=glass)


@dataclass(frozen=True)
class Runs:
    """Requests, cancellations and look-ups of runs."""

    store: Store
    tools: Tools
    catalog: Catalog
    approvals: Approvals
    # None is for tests of other rules alone: `bot.app` always gives one.
    gate: Gate | None = None

    async def request(self, runbook: str, params: Params, asked: Asked) -> Run:
        """Look the facts up, plan, and store the run; a routine one is approved at once.

        When the platform cannot even be looked at, the run is stored as refused, so that its thread says why.
        Raises: RequestError, Refused.
        """
        try:
            run = await self._request(runbook, params, asked)
        except RunKnownError as first:  # while we looked, another worker did the same for this very request
            run = first.run
        traces.made(run.id)
        return run

    async def _request(self, runbook: str, params: Params, asked: Asked) -> Run:
        loaded = self._loaded(runbook)
        run_id = uuid5(NAMESPACE_URL, f"takumi:{asked.request}:{runbook}").hex[:20]
        async with self.store.work() as work:
            known = await work.runs.get(run_id)
            if known is not None:
                return known
            now, rules = await work.now(), self.approvals.rules
            found = await circumstances(work, rules, loaded.runbook, asked.actor, asked.glass)
        if self.gate is not None:
            await self.gate.must_be_open(loaded.runbook.risk)
        blank = found.of(_blank_run(RunInfo(run_id, now), loaded.runbook, params, asked))
        try:
            facts = await loaded.runbook.look_up(params, self.tools.for_look_up())
        except OperationFailed as error:
            return await self._add_refused(blank, asked.actor, error)
        pinned = loaded.runbook.pin(params, facts) if loaded.runbook.pin else params
        plan = loaded.runbook.plan(pinned, facts, RunInfo(run_id, now))
        run = _planned(blank, loaded, plan, pinned.model_dump(mode="json"), facts.model_dump(mode="json"))
        if run.state is RunState.REQUESTED:
            run = self._timed(run, plan)
            must_be_confirmed(run, plan, asked.confirm)
            await self.approvals.must_be_approvable(run)
        return await self._add(run, asked.actor)

    async def preview(self, runbook: str, params: Params) -> Plan:
        """The plan that a request would have now; nothing is stored. Raises: OperationFailed, Refused, RequestError."""
        book = self._loaded(runbook).runbook
        facts = await book.look_up(params, self.tools.for_step(StepContext(PREVIEW, "", 0)))
        async with self.store.work() as work:
            now = await work.now()
        return book.plan(book.pin(params, facts) if book.pin else params, facts, RunInfo(PREVIEW, now))

    async def _add(self, run: Run, actor: Actor) -> Run:
        async with self.store.work() as work:
            stored = await work.runs.add(run)
            await refuse_repeat(work, run)
            await work.audit.record(_requested(run, actor))
            # A request wakes when it expires; what needs no approval starts at once.
            await work.defer(Wake(Job.ADVANCE_RUN, run.id, at=run.expires_at))
            await want_run_messages(work, stored)
            if stored.state is RunState.REQUESTED:
                await ask_people(work, stored, actor, self.approvals.rules)
        return stored

    def _timed(self, run: Run, plan: Plan) -> Run:
        """With the instant at which silence ends it, which its digest binds."""
        timed = replace(run, expires_at=self.approvals.rules.timetable.expires_at(run.severity, run.created_at))
        return replace(timed, digest=request_digest(timed, plan))

    async def _add_refused(self, run: Run, actor: Actor, why: OperationFailed) -> Run:
        async with self.store.work() as work:
            stored = await work.runs.add(replace(run, state=RunState.REQUESTED))
            await work.audit.record(_requested(run, actor))
            await work.runs.move(run.id, RunState.REQUESTED, RunState.REFUSED, failure=str(why), hint=why.hint)
            await work.audit.record(Entry(actor, Verb.RUN_REFUSED, run.runbook, run.id, details={"why": str(why)}))
            refused = await work.runs.get(run.id) or stored
            await want_run_messages(work, refused)
        return refused

    async def has_work(self, runbook: str, params: Params) -> bool:
        """Whether its plan would do anything; a platform that cannot be looked at counts as work, and is then told.

        A look-up that says "there is nothing to do" in its own words means no. Raises: Refused.
        """
        loaded = self._loaded(runbook)
        async with self.store.work() as work:
            now = await work.now()
        try:
            facts = await loaded.runbook.look_up(params, self.tools.for_look_up())
        except OperationFailed:
            return True
        except RequestError:
            return False
        return bool(loaded.runbook.plan(params, facts, RunInfo("", now)).steps)

    async def undo(self, number: int, asked: Asked) -> Run:
        """Ask for the undoing of a run that succeeded: a run of its own, with its own approval. Raises: Refused."""
        run = await self.find(number)
        book = self.runbook(run.runbook)
        if run.state is not RunState.SUCCEEDED or book.undone_by is None:
            why = f"it is {run.state.value}" if book.undone_by else "nothing undoes this kind of run"
            raise Refused(f"{run.label} cannot be undone: {why}.", hint="Look at its thread.")
        name, values = book.undone_by(run.id, run.params)
        return await self.request(name, validated(self.runbook(name).params, values), replace(asked, undoes=run.id))

    @answered_once
    async def cancel(self, run_id: str, actor: Actor) -> str:
        """Cancel a waiting run at once, ask a running one to stop; the answer says which. Raises: Refused."""
        async with self.store.work() as work:
            run = await work.runs.get(run_id)
            if run is None:
                raise RequestError("There is no such run.", hint="`/takumi runs` lists them.")
            for state in (RunState.REQUESTED, RunState.APPROVED):
                if run.state is state and await work.runs.move(run.id, state, RunState.CANCELLED):
                    await work.audit.record(Entry(actor, Verb.RUN_CANCELLED, run.runbook, run.id, run.digest))
                    await want_run_messages(work, run)
                    return await keep_answer(work, f"{run.label} is cancelled; nothing was done.")
            if run.state is not RunState.RUNNING or not await work.runs.ask_cancel(run.id, actor.principal):
                raise Refused(f"{run.label} cannot be cancelled: it is {run.state.value}.", hint="Nothing to do.")
            await work.audit.record(Entry(actor, Verb.CANCEL_ASKED, run.runbook, run.id, run.digest))
            said = f"{run.label} was asked to stop. It ends when the effect of its current step has ended."
            return await keep_answer(work, said)

    async def find(self, number: int) -> Run:
        """The run that people call by that number. Raises: RequestError."""
        async with self.store.work() as work:
            run = await work.runs.by_number(number)
        if run is None:
            raise RequestError(f"There is no run {number}.", hint="`/takumi runs` lists the latest.")
        return run

    async def recent(self, limit: int) -> Sequence[Run]:
        async with self.store.work() as work:
            return await work.runs.recent(limit)

    def runbook(self, name: str) -> Runbook:
        """Raises: RequestError."""
        return self._loaded(name).runbook

    def _loaded(self, name: str) -> Loaded:
        loaded = self.catalog.runbooks.get(name)
        if loaded is None:
            raise RequestError(f"There is no runbook {name!r}.", hint="`/takumi help` lists what there is.")
        return loaded


def _blank_run(info: RunInfo, book: Runbook, params: Params, asked: Asked) -> Run:
    """What is known of a run before anybody has looked at the platform."""
    waits = book.risk in (Risk.DISRUPTIVE, Risk.DESTRUCTIVE)
    return Run(
        id=info.id,
        number=0,
        runbook=book.name,
        title=book.title,
        params=params.model_dump(mode="json"),
        facts={},
        described={},
        digest="",
        definition="",
        risk=book.risk,
        environment="",
        state=RunState.REQUESTED if waits else RunState.APPROVED,
        requester=asked.actor.principal,
        requester_slack=asked.actor.slack_user,
        origin=asked.origin,
        steps=(),
        created_at=info.at,
        undoes=asked.undoes,
        own_severity=book.severity,
    )


def _planned(run: Run, loaded: Loaded, plan: Plan, params: Mapping[str, Any], facts: Mapping[str, Any]) -> Run:
    planned = replace(
        run,
        title=plan.summary,
        params=params,
        facts=facts,
        described=plan.described(),
        definition=loaded.definition(plan),
        environment=plan.environment,
        steps=tuple(StepRow(step.key, step.title) for step in plan.steps),
        card=card_of(plan),
    )
    return replace(planned, digest=request_digest(planned, plan))


def request_digest(run: Run, plan: Plan) -> str:
    """What an approval is bound to: the plan and its definition, the policy, who asked, until when, and this run."""
    need = need_of(run)
    return digest(
        {
            "plan": plan.described(),
            "definition": run.definition,
            "policy": [sorted(seat) for seat in need.seats],
            "severity": run.severity,
            "glass": run.glass,
            "requester": run.requester,
            "expires_at": run.expires_at,
            "nonce": run.id,
        }
        # Only where they hold, so that what waits while the bot is upgraded keeps its digest.
        | ({"rules": run.ruled_as} if run.as_production else {})
    )


def _requested(run: Run, actor: Actor) -> Entry:
    names = ("params", "risk", "environment", "runbook", "severity", "incident", "glass")
    details = {name: getattr(run, name) for name in names}
    return Entry(actor, Verb.RUN_REQUESTED, run.runbook, run.id, run.digest, details)


def replanned(catalog: Catalog, run: Run) -> Plan:
    """The plan made again from what was stored. Raises: OperationFailed when it is not what was digested."""
    loaded = catalog.runbooks[run.runbook]
    params = loaded.runbook.params.model_validate(dict(run.params))
    facts = loaded.runbook.facts.model_validate(dict(run.facts))
    plan = loaded.runbook.plan(params, facts, RunInfo(run.id, run.created_at))
    if request_digest(run, plan) != run.digest:
        raise OperationFailed(
            "The plan made from this run's facts is not the plan that was asked for.",
            hint="The runbook changed in between. Ask for it again.",
        )
    return plan
