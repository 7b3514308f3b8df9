"""Policies that nobody could satisfy, found before somebody needs them at three in the morning."""

from collections.abc import Sequence
from itertools import product

from bot.domain.catalog import Catalog
from bot.domain.people import Role
from bot.domain.risk import Severity
from bot.domain.targets import Environment
from bot.policy.approvals import needed
from bot.policy.escalation import ESCALATIONS
from bot.services.ports import Chat
from bot.services.seats import distinct, named


async def gaps(chat: Chat, catalog: Catalog, environments: Sequence[Environment]) -> tuple[str, ...]:
    """One sentence a gap. Raises: ChatUnavailable, OperationFailed when Slack does not say who fills the roles."""
    members = {role: await chat.members(role) for role in Role}
    risks = {loaded.runbook.risk for loaded in catalog.runbooks.values()}
    found: dict[str, None] = {}
    for risk, environment, severity in product(sorted(risks), environments, Severity):
        seats = needed(risk, environment, severity).seats
        candidates = [frozenset[str]().union(*(members[role] for role in seat)) for seat in seats]
        where = f"{risk.value} on {environment.value}"
        for seat, people in zip(seats, candidates, strict=True):
            if not people:
                found[f"{where}: nobody fills {named(seat)}, so {severity.value} requests can never be approved"] = None
        if all(candidates) and not distinct(candidates):
            found[f"{where}: {severity.value} requests need {len(seats)} different people, and there are fewer"] = None
    called = {call.role for row in ESCALATIONS.values() for call in row.calls if call.role}
    for role in sorted(role for role in called if not members[role]):
        found[f"escalation: nobody fills {role.label}, who is called when nobody answers"] = None
    return tuple(found)
