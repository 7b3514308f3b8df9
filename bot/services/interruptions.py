"""A run whose last effect is unknown asks a person: was it done, should it run again, or is this the end."""

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.domain.audit import Entry, Verb
from bot.domain.errors import Refused, RequestError
from bot.domain.people import Actor, Person
from bot.domain.runs import Run, RunState, StepRow, StepState
from bot.services.answers import answered_once, keep_answer
from bot.services.messages import want_run_messages
from bot.services.people import must_be_welcome
from bot.services.ports import Chat, Store
from bot.services.rows import Job, Wake
from bot.services.seats import named, need_of


class Answer(StrEnum):
    """What somebody who looked says about the step."""

    WAS_DONE = "was done"
    RUN_AGAIN = "run again"
    ABORT = "abort"


@dataclass(frozen=True)
class Interruptions:
    """Takes the answer under the same rule as the run's approval, and wakes the run."""

    store: Store
    chat: Chat

    @answered_once
    async def answer(self, run_id: str, actor: Actor, answer: Answer) -> str:
        """Raises: Refused, RequestError."""
        person = await self.chat.person(actor.slack_user, fresh_roles=True)
        must_be_welcome(person)
        async with self.store.work() as work:
            run = await work.runs.get(run_id)
            if run is None:
                raise RequestError("There is no such run.", hint="`/takumi runs` lists the latest.")
            _may_answer(run, person, actor)
            step = next(row for row in run.steps if row.state is StepState.INTENDED)
            await work.runs.save_step(run.id, _answered(step, actor, answer))
            if not await work.runs.move(run.id, RunState.INTERRUPTED, RunState.RUNNING):
                raise Refused(
                    f"{run.label} no longer asks: somebody has answered.", hint="Its thread shows how it goes on."
                )
            details = {"step": step.key, "answer": answer.value}
            await work.audit.record(Entry(actor, Verb.RUN_RESUMED, run.runbook, run.id, run.digest, details))
            await work.defer(Wake(Job.ADVANCE_RUN, run.id))
            await want_run_messages(work, run)
            return await keep_answer(work, f"{run.label} goes on: {step.title!r} {_GOES_ON[answer]}.")


_GOES_ON = {
    Answer.WAS_DONE: "counts as done",
    Answer.RUN_AGAIN: "runs again",
    Answer.ABORT: "counts as failed, and what was done is put back",
}


def _may_answer(run: Run, person: Person, actor: Actor) -> None:
    """Who could have approved the run may say how it goes on; a routine one's requester or anybody with a role may."""
    if run.state is not RunState.INTERRUPTED:
        raise Refused(f"{run.label} asks nothing: it is {run.state.value}.", hint="Its thread shows how it goes on.")
    need = need_of(run)
    if need.count and actor.principal == run.requester:
        raise Refused("You asked for this run yourself: somebody else has to decide.", hint=f"Ask {named(need.roles)}.")
    if need.count and not person.roles & need.roles:
        raise Refused(f"This needs {named(need.roles)}, a role that you do not fill.", hint="Ask somebody who does.")


def _answered(step: StepRow, actor: Actor, answer: Answer) -> StepRow:
    who = actor.slack_user or actor.principal
    if answer is Answer.WAS_DONE:
        return replace(step, state=StepState.DONE, note=f"said to be done by {who}")
    if answer is Answer.RUN_AGAIN:
        return replace(step, state=StepState.PENDING, note=f"to run again, says {who}")
    why = f"Aborted by {who} after an interruption."
    data = {"failure": why, "hint": "", "cancelled": False}
    return replace(step, state=StepState.FAILED, note=why, data=data)
