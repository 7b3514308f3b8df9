"""What a request that needs a yes sets in motion, and what it must have confirmed first."""

from datetime import timedelta

from bot.domain.audit import Entry, Verb
from bot.domain.canonical import canonical_json
from bot.domain.errors import Refused
from bot.domain.people import Actor
from bot.domain.plans import Plan
from bot.domain.reviews import Review
from bot.domain.risk import Risk
from bot.domain.runs import Run, RunState
from bot.domain.targets import Environment
from bot.policy.rules import Rules
from bot.services.calls import REVIEW_SEVERITY, call_rows, run_calls, schedule
from bot.services.messages import want
from bot.services.ports import Work
from bot.services.rows import MessageRow

SAME_REQUEST_WITHIN = timedelta(seconds=10)
OPEN = (RunState.REQUESTED, RunState.APPROVED, RunState.RUNNING)


async def ask_people(work: Work, run: Run, actor: Actor, rules: Rules) -> None:
    """Start the clock of a stored request, copy its card where approvals have a channel, and note broken glass."""
    if rules.approvals_channel and rules.approvals_channel != run.origin.channel:
        await want(work, MessageRow(f"ask:{run.id}", rules.approvals_channel))
    await schedule(work, run_calls(run, rules))
    await work.audit.want_anchor()  # so that the card says before anybody approves whether one can be reached
    if not run.glass:
        return
    details = {"why": run.glass, "incident": run.incident}
    await work.audit.record(Entry(actor, Verb.GLASS_BROKEN, run.runbook, run.id, run.digest, details))
    await work.reviews.add(Review(run.id, run.requester))
    await want(work, MessageRow(f"review:{run.id}", run.origin.channel or rules.alerts_channel))
    due = rules.timetable.calls(REVIEW_SEVERITY, run.created_at)
    await schedule(work, call_rows(f"review:{run.id}", due[1:]))


def must_be_confirmed(run: Run, plan: Plan, typed: str) -> None:
    """Raises: Refused when a destructive request for production does not name its target."""
    if run.risk is not Risk.DESTRUCTIVE or run.ruled_as != Environment.PRODUCTION:
        return
    target = target_of(plan)
    if typed != target:
        said = f"You typed {typed!r}, and the target is {target!r}" if typed else f"This would change {target!r}"
        where = "in production" if run.environment == Environment.PRODUCTION else "where production's rules hold"
        raise Refused(f"{said}, {where}.", hint=f"Say that you mean it: add confirm={target} to the command.")


def target_of(plan: Plan) -> str:
    """The name that has to be typed: the database that is bound, or else what the plan claims first."""
    named = plan.bound.get("target") or plan.bound.get("database")
    if named:
        return str(named)
    claims = sorted(claim.name for claim in plan.claims)
    return claims[0].rpartition("/")[2] if claims else plan.summary


async def refuse_repeat(work: Work, run: Run) -> None:
    """The same person asking the same thing twice within seconds means it once. Raises: Refused."""
    now = await work.now()
    for other in await work.runs.recent(20, states=OPEN):
        if other.id != run.id and _asks_the_same(other, run) and now - other.created_at < SAME_REQUEST_WITHIN:
            raise Refused(
                f"You asked for the same thing a moment ago: it is {other.label}, {other.state.value}.",
                hint="Wait for it, or ask again in some seconds if you really want it twice.",
            )


def _asks_the_same(one: Run, other: Run) -> bool:
    asked = [(run.requester, run.runbook, canonical_json(run.params)) for run in (one, other)]
    return asked[0] == asked[1]
