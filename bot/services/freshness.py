"""Whether what was asked for is still what would happen: the facts looked up again, and compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.catalog import Catalog
from bot.domain.plans import Plan, ShownFact
from bot.domain.runbooks import RunInfo
from bot.domain.runs import Run
from bot.services.ports import Tools


@dataclass(frozen=True)
class Fresh:
    """A second look: `changed` bound facts void an approval, `drifted` shown facts ask for it again."""

    plan: Plan
    changed: tuple[str, ...]
    drifted: tuple[str, ...]


@dataclass(frozen=True)
class Freshness:
    """Looks the facts of a stored request up again."""

    tools: Tools
    catalog: Catalog

    async def look(self, run: Run) -> Fresh:
        """Raises: OperationFailed, Refused, RequestError when the platform can no longer be looked at like that."""
        loaded = self.catalog.runbooks[run.runbook]
        params = loaded.runbook.params.model_validate(dict(run.params))
        facts = await loaded.runbook.look_up(params, self.tools.for_look_up())
        plan = loaded.runbook.plan(params, facts, RunInfo(run.id, run.created_at))
        changed = changes(run.described, plan.described())
        if loaded.definition(plan) != run.definition and not changed:
            changed = ("the runbook's own text changed",)
        return Fresh(plan, changed, drifts(run.card, plan.shown))


def card_of(plan: Plan) -> dict[str, Any]:
    """What is kept of a plan for its card, besides what is digested."""
    shown = [[fact.label, fact.value, fact.tolerance] for fact in plan.shown]
    return {"shown": shown, "warnings": list(plan.warnings)}


def changes(asked: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """The differences between two described plans, as sentences; long values are cut."""
    before, after = dict(asked.get("bound", {})), dict(now.get("bound", {}))
    found = [
        f"{name} was {_short(before.get(name))} and is {_short(after.get(name))}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    for part in ("summary", "environment", "claims", "steps"):
        if not found and _plain(asked.get(part)) != _plain(now.get(part)):
            found.append(f"the plan's {part} changed")
    return tuple(found)


def drifts(card: Mapping[str, Any], now: tuple[ShownFact, ...]) -> tuple[str, ...]:
    """The shown facts that moved beyond their tolerance."""
    before = {label: value for label, value, _ in card.get("shown", [])}
    return tuple(
        f"{fact.label} was {before[fact.label]} and is {fact.value}"
        for fact in now
        if fact.label in before and _moved(before[fact.label], fact)
    )


def _moved(before: Any, fact: ShownFact) -> bool:
    if fact.tolerance is None or isinstance(fact.value, str) or isinstance(before, str):
        return bool(before != fact.value)
    return bool(abs(fact.value - before) > fact.tolerance * max(abs(before), 1.0))


def _plain(value: Any) -> Any:
    """Tuples and lists are one thing once they have been through JSON."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:16]}\u2026{text[-8:]}"  # noqa: PLR2004 - what still reads in a sentence
