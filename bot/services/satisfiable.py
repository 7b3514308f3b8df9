"""Policies that nobody could satisfy, found before somebody needs them at three in the morning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from bot.domain import phrases
from bot.domain.catalog import Catalog
from bot.domain.people import Role
from bot.domain.risk import Risk, Severity
from bot.domain.targets import Environment
from bot.policy.approvals import needed
from bot.policy.escalation import ESCALATIONS
from bot.policy.rules import Rules
from bot.services.people import People
from bot.services.ports import Chat
from bot.services.proofs import Proofs
from bot.services.seats import distinct, named

Members = Mapping[Role, frozenset[str]]
# The highest risk asks for a proof beyond the Slack session.
PROVEN = (Risk.DESTRUCTIVE, Environment.PRODUCTION)


async def gaps(
    chat: Chat, catalog: Catalog, environments: Sequence[Environment], rules: Rules | None = None
) -> tuple[str, ...]:
    """One sentence a gap. Raises: ChatUnavailable, OperationFailed when Slack does not say who fills the roles."""
    members = {role: await chat.members(role) for role in Role}
    risks = {loaded.runbook.risk for loaded in catalog.runbooks.values()}
    found: dict[str, None] = {}
    for risk, environment in product(sorted(risks), environments):
        ruled_as = rules.ruled_as(environment) if rules else environment
        where = f"{risk.value} on {environment.value}"
        found |= dict.fromkeys(f"{where}: {one}" for one in _unfilled(members, risk, ruled_as, "fills"))
    called = {call.role for row in ESCALATIONS.values() for call in row.calls if call.role}
    for role in sorted(role for role in called if not members[role]):
        found[f"escalation: nobody fills {role.label}, who is called when nobody answers"] = None
    return tuple(found)


def _unfilled(members: Members, risk: Risk, ruled_as: Environment, fills: str) -> list[str]:
    """The seats that these people could not fill, in every severity."""
    found = []
    for severity in Severity:
        seats = needed(risk, ruled_as, severity).seats
        candidates = [frozenset[str]().union(*(members[role] for role in seat)) for seat in seats]
        found += [
            f"nobody {fills} {named(seat)}, so {severity.value} requests can never be approved"
            for seat, people in zip(seats, candidates, strict=True)
            if not people
        ]
        if all(candidates) and not distinct(candidates):
            found.append(f"{severity.value} requests need {len(seats)} different people, and there are fewer")
    return found


@dataclass(frozen=True)
class Enrolled:
    """How many approvers of the highest risk have a proof that is good, who has none, and what that leaves unfilled."""

    able: int
    without: tuple[str, ...]
    gaps: tuple[str, ...]

    @property
    def told(self) -> str:
        people = phrases.count(self.able, "approver has", "approvers have")
        rest = f"; without: {', '.join(self.without)}" if self.without else ""
        return f"{people} a proof beyond the Slack session{rest}"


async def enrolled(chat: Chat, people: People, proofs: Proofs) -> Enrolled:
    """Raises: ChatUnavailable, OperationFailed when Slack does not say who fills the roles."""
    roles = frozenset[Role]().union(*(needed(*PROVEN, severity).roles for severity in Severity))
    members = {role: await chat.members(role) for role in sorted(roles)}
    able, without = set(), []
    for user in sorted(frozenset[str]().union(*members.values())):
        person = await chat.person(user)
        if not person.refusal and await proofs.usable(people.actor(user, person.team).principal):
            able.add(user)
        else:
            without.append(person.name or user)
    proven = {role: users & able for role, users in members.items()}
    found = _unfilled(proven, *PROVEN, "who has a proof beyond the Slack session fills")
    return Enrolled(len(able), tuple(without), tuple(found))
