"""What a run's messages say: pure functions from the row."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.domain import markup, phrases
from bot.domain.documents import (
    Button,
    Buttons,
    Confirm,
    Document,
    Fields,
    Note,
    Part,
    Progress,
    Rich,
    Task,
    TaskStatus,
    Text,
)
from bot.domain.runbooks import Runbook
from bot.domain.runs import Run, RunState, StepRow, StepState

_SAID = {
    RunState.REQUESTED: "waits for approval",
    RunState.APPROVED: "is about to start",
    RunState.RUNNING: "is running",
    RunState.INTERRUPTED: "is interrupted",
    RunState.SUCCEEDED: "succeeded",
    RunState.FAILED: "failed",
    RunState.UNDONE: "failed and was put back",
    RunState.CANCELLED: "was cancelled",
    RunState.EXPIRED: "expired",
    RunState.REFUSED: "was refused",
}
_SIGN = {
    RunState.SUCCEEDED: ":white_check_mark:",
    RunState.FAILED: ":x:",
    RunState.UNDONE: ":x:",
    RunState.INTERRUPTED: ":warning:",
    RunState.REFUSED: ":no_entry:",
    RunState.CANCELLED: ":heavy_minus_sign:",
    RunState.EXPIRED: ":hourglass:",
}
_TASK = {
    StepState.PENDING: TaskStatus.PENDING,
    StepState.INTENDED: TaskStatus.IN_PROGRESS,
    StepState.DONE: TaskStatus.COMPLETE,
    StepState.FAILED: TaskStatus.ERROR,
    StepState.UNDONE: TaskStatus.ERROR,
}


def head(run: Run) -> Document:
    """The message that heads the run's thread."""
    parts: list[Part] = [Rich(headline(run)), Rich(small_line(run))]
    parts += going_on(run)
    return Document(f"{run.title} {said_of(run)} ({run.label}).", parts)


def said_of(run: Run) -> str:
    """How it stands, in words; what could not even be planned was refused by the platform, not by a person."""
    never_planned = run.state is RunState.REFUSED and not run.digest
    return "could not start" if never_planned else _SAID[run.state]


def headline(run: Run) -> str:
    return f"{_SIGN.get(run.state, ':hourglass_flowing_sand:')} {markup.bold(run.title)} {said_of(run)}."


def small_line(run: Run) -> str:
    asker = markup.mention(run.requester_slack)
    return " \u00b7 ".join(filter(None, (run.label, f"asked by {asker}", run.risk.value, run.environment)))


def going_on(run: Run) -> list[Part]:
    """The buttons of a run that is under way, or that asks how to go on."""
    if run.state in (RunState.APPROVED, RunState.RUNNING):
        return [Buttons((cancel_button(run),))]
    if run.state is not RunState.INTERRUPTED:
        return []
    return [
        Rich(f"*What is known:* {markup.literal(run.failure)}"),
        Rich(f"*What to do next:* {markup.literal(run.hint)}"),
        Buttons(tuple(_answer_button(run, *one) for one in _ANSWERS)),
    ]


_ANSWERS = (
    ("It was done", "run.was_done", "The step counts as done, and the next one runs."),
    ("Run it again", "run.run_again", "The step runs a second time. Look first whether that does harm."),
    ("Abort", "run.abort", "The step counts as failed, and what was done is put back."),
)


def _answer_button(run: Run, label: str, action: str, text: str) -> Button:
    return Button(label, action, run.id, confirm=Confirm(f"{label}?", text, label))


def cancel_button(run: Run) -> Button:
    ask = Confirm("Cancel this run?", "Its current step is stopped, and what was done is put back.", "Cancel the run")
    return Button("Cancel", "run.cancel", run.id, confirm=ask)


def steps(run: Run) -> Document:
    """The steps as they go."""
    tasks = tuple(Task(row.key, row.title, _TASK[row.state], _details(row)) for row in run.steps)
    done = sum(row.state is StepState.DONE for row in run.steps)
    summary = f"{run.label}: {done} of {len(run.steps)} steps done."
    return Document(summary, [Progress(run.title, tasks)])


def _details(row: StepRow) -> str:
    if row.started_at and row.finished_at:
        took = phrases.duration(row.finished_at - row.started_at)
        return f"{row.note} ({took})" if row.note else took
    return row.note


def result(run: Run, runbook: Runbook) -> Document:
    """How it ended, with the facts that matter, or what went wrong and what to do next."""
    said = f"{run.title} {said_of(run)}"
    took = _took(run)
    if run.state is RunState.SUCCEEDED:
        pairs = runbook.result(_outcomes(run)) if runbook.result else ()
        parts: list[Part] = [Rich(f":white_check_mark: *{markup.literal(said)}*"), Fields(pairs), *_next(run, runbook)]
        return Document(f"{said}.", [*parts, *_for_requester(run), Note(f"{run.label} took {phrases.duration(took)}")])
    parts = [Rich(f"{_SIGN[run.state]} *{markup.literal(said)}*")]
    parts += [Text(run.failure)] if run.failure else []
    parts += [Rich(f"*What to do next:* {markup.literal(run.hint)}")] if run.hint else []
    put_back = [row.title for row in run.steps if row.state is StepState.UNDONE]
    parts += [Note("Put back: " + ", ".join(put_back))] if put_back else []
    parts += _for_requester(run)
    return Document(f"{said}: {run.failure}", parts)


def _next(run: Run, runbook: Runbook) -> list[Part]:
    """A button that opens the modal of what comes next, filled in."""
    if runbook.then is None:
        return []
    label, name, fields = runbook.then(run.params, _outcomes(run))
    value = "|".join([name, *(f"{field}={text}" for field, text in fields.items())])
    return [Buttons((Button(label, "runbook.open", value),))]


def warning(run: Run, until: datetime) -> Document:
    """Said a day before the way back is gone."""
    said = f"The database that {run.label} replaced is kept until {phrases.instant(until)}, then it is dropped."
    how = f"To go back to it: `/takumi undo {run.number}` before then."
    who = [Rich(markup.mention(run.requester_slack))] if run.requester_slack else []
    return Document(said, [*who, Text(said), Text(how)])


def _for_requester(run: Run) -> list[Part]:
    """Whoever waited for an approval hears how it ended; a routine run's thread stays quiet."""
    waited = run.expires_at is not None and run.requester_slack
    return [Rich(f"{markup.mention(run.requester_slack)}: this is how your request ended.")] if waited else []


def _outcomes(run: Run) -> Mapping[str, Mapping[str, Any]]:
    return {row.key: row.data for row in run.steps}


def _took(run: Run) -> timedelta:
    if run.started_at and run.finished_at:
        return run.finished_at - run.started_at
    return timedelta()
