"""The approval card: everything that an approver decides on, and nothing that is not true now."""

from collections.abc import Sequence
from typing import Any

from bot.domain import markup, phrases
from bot.domain.approvals import Decision, Verdict, needs_proof
from bot.domain.documents import Button, Buttons, Confirm, Divider, Document, Fields, Note, Part, Rich, Style
from bot.domain.runs import Run, RunState
from bot.policy.approvals import ApprovalNeed
from bot.services.run_documents import cancel_button, going_on, headline, small_line
from bot.services.seats import named, open_seats

WALLET = "A wallet's button attaches what you sign to the thread; cast wallet sign --data --from-file signs it."


def card(run: Run, need: ApprovalNeed, decisions: Sequence[Decision], unanchored: str = "") -> Document:
    """A request that needs a yes, in whatever state it is; its buttons are there only while it waits.

    `unanchored` is why its intent could not be anchored outside if it started now.
    """
    parts: list[Part] = [Rich(headline(run)), Rich(small_line(run))]
    parts += _urgent(run)
    warnings = [*run.card.get("warnings", []), *_unanchored(run, unanchored)]
    parts += [Rich(f":warning: {markup.literal(text)}") for text in warnings]
    parts.append(Fields(_facts(run)))
    parts.append(Rich(_steps(run)))
    parts += [Rich(_decision(decision)) for decision in decisions]
    if run.state is RunState.REQUESTED:
        parts += [Divider(), Rich(_asked(run, need, decisions)), Buttons(_buttons(run))]
        parts += [Note(WALLET)] if needs_proof(run) else []
    else:
        parts += going_on(run)
    parts.append(Note(f"Plan {run.digest[:12]}. What you approve is what runs: any change of a bound fact voids it."))
    return Document(f"{run.title}: {run.state.value} ({run.label}).", parts)


def _urgent(run: Run) -> list[Part]:
    """The incident that makes it urgent, and broken glass, loudly."""
    found: list[Part] = []
    if run.incident is not None:
        found.append(Rich(f":fire: {run.severity.value}, for the open incident {run.incident}."))
    if run.glass:
        found.append(Rich(f":rotating_light: *Glass is broken*, one approval less: {markup.literal(run.glass)}"))
    return found


def _unanchored(run: Run, why: str) -> list[str]:
    if not why:
        return []
    said = f"No anchor of the audit trail can be reached: {why.rstrip('.')}."
    if run.glass:
        return [f"{said} It starts all the same, because glass is broken for it."]
    return [f"{said} Until one can, this starts only as a new request for which glass is broken."]


def _facts(run: Run) -> tuple[tuple[str, str], ...]:
    bound = [(_label(name), str(value)) for name, value in run.described.get("bound", {}).items()]
    shown = [(label, _value(value)) for label, value, _ in run.card.get("shown", [])]
    return (*bound, *shown)


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize() if name != "sha256" else name


def _value(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _steps(run: Run) -> str:
    lines = ["*Steps*"]
    for number, step in enumerate(run.described.get("steps", []), 1):
        lines.append(f"{number}. {markup.bold(step['title'])}: {markup.literal(step['do'])}")
        if step["undo"]:
            lines.append(f"      _Undo:_ {markup.literal(step['undo'])}")
    return "\n".join(lines)


def _decision(decision: Decision) -> str:
    yes = decision.verdict is Verdict.APPROVED
    when = f" at {phrases.instant(decision.at)}" if decision.at else ""
    why = f": {markup.literal(decision.reason)}" if decision.reason else ""
    how = f" ({decision.proof})" if decision.proof else ""
    sign, said = (":white_check_mark:", "Approved") if yes else (":no_entry:", "Denied")
    return f"{sign} {said} by {markup.mention(decision.slack_user)} as {decision.role.label}{how}{when}{why}"


def _asked(run: Run, need: ApprovalNeed, decisions: Sequence[Decision]) -> str:
    wanted = ", and ".join(named(seat) for seat in open_seats(need, decisions))
    until = phrases.instant(run.expires_at) if run.expires_at else "further notice"
    return f"*Needs:* {markup.literal(wanted)}, by {until}. Not the requester; silence never approves."


def _buttons(run: Run) -> tuple[Button, ...]:
    if needs_proof(run):
        return (
            Button("Approve with a code", "run.prove", run.id, Style.PRIMARY),
            Button("Approve with a wallet", "run.sign", run.id),
            Button("Deny", "run.deny", run.id, Style.DANGER),
            cancel_button(run),
        )
    ask = Confirm("Approve exactly this plan?", f"{run.title}. Plan {run.digest[:12]}.", "Approve")
    return (
        Button("Approve", "run.approve", run.id, Style.PRIMARY, ask),
        Button("Deny", "run.deny", run.id, Style.DANGER),
        cancel_button(run),
    )
