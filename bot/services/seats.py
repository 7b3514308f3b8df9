"""Who may sit where: the seats that a request has left, and the one in which somebody decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import permutations

from bot.domain.approvals import Decision, DecisionRule, Verdict, broken_rule
from bot.domain.errors import Refused
from bot.domain.people import Actor, Person, Role
from bot.domain.runs import Run
from bot.domain.targets import Environment
from bot.policy.approvals import ApprovalNeed, needed

Seats = Sequence[frozenset[Role]]
# The roles of each person who could still say yes.
Others = Sequence[frozenset[Role]]


def need_of(run: Run) -> ApprovalNeed:
    """The approvals that a stored request waits for."""
    return needed(run.risk, Environment(run.ruled_as), run.seats_severity, glass=bool(run.glass))


def open_seats(need: ApprovalNeed, decisions: Sequence[Decision]) -> tuple[frozenset[Role], ...]:
    """The seats that the approvals so far have not filled; the most helpful seating counts."""
    given = [decision.role for decision in decisions if decision.verdict is Verdict.APPROVED]
    best = need.seats
    for order in permutations(need.seats):
        left = list(order)
        for role in given:
            seat = next((seat for seat in left if role in seat), None)
            if seat is not None:
                left.remove(seat)
        if len(left) < len(best):
            best = tuple(left)
    return best


def named(roles: frozenset[Role]) -> str:
    return " or ".join(sorted(role.label for role in roles))


@dataclass(frozen=True)
class Case:
    """A request as it stands: what was decided on it, and what time it is."""

    run: Run
    earlier: Sequence[Decision]
    now: datetime


def seat_for(case: Case, person: Person, actor: Actor, verdict: Verdict, others: Others = ()) -> Role:
    """The role in which somebody decides: of several, one after which the others can fill the most of what is left.

    Raises: Refused naming the rule that forbids it.
    """
    run, earlier = case.run, case.earlier
    need = need_of(run)
    seats = open_seats(need, earlier) if verdict is Verdict.APPROVED else need.seats
    wanted = frozenset[Role]().union(*seats)
    # A denial is never kept out because its role has approved.
    taken = {one.role for one in earlier} if verdict is Verdict.APPROVED else set()
    free = (person.roles & wanted) - taken
    # In whatever role: what forbids the person comes before what the person lacks.
    role = _wisest(free, seats, others) if free else min(need.roles or frozenset(Role))
    # As if it were proven: a proof is asked for when nothing else stands in the way.
    tried = Decision(run.id, run.digest, actor.principal, "", role, verdict, proof="to come")
    rule = broken_rule(tried, run, earlier, case.now)
    if rule is not None:
        raise Refused(rule.value, hint=_advice(rule, need))
    if not free:
        raise Refused(f"This needs {named(wanted)}, a role that you do not fill.", hint="Ask somebody who does.")
    return role


def _wisest(free: frozenset[Role], seats: Seats, others: Others) -> Role:
    """It is kept, signed and audited, and never changed afterwards: hence the look at who could come next."""

    def left_empty(role: Role) -> int:
        left = [seat for seat in seats if role not in seat]
        return len(left) - filled(left, others)

    return min(sorted(free), key=left_empty)


def filled(seats: Seats, people: Others) -> int:
    """How many of the seats these people can fill together, each in one: a maximum matching."""
    if not seats:
        return 0
    first, rest = seats[0], seats[1:]
    sitting = [
        1 + filled(rest, [*people[:number], *people[number + 1 :]])
        for number, roles in enumerate(people)
        if roles & first
    ]
    return max([filled(rest, people), *sitting])


def may_decide(case: Case, actor: Actor, person: Person) -> bool:
    """Whether somebody's yes would count now."""
    try:
        seat_for(case, person, actor, Verdict.APPROVED)
    except Refused:
        return False
    return True


def _advice(rule: DecisionRule, need: ApprovalNeed) -> str:
    advice: Mapping[DecisionRule, str] = {
        DecisionRule.SELF_APPROVAL: f"Ask {named(need.roles)} to click Approve; they see the same card.",
        DecisionRule.NOT_WAITING: "Its card says how it ended.",
        DecisionRule.STALE_DIGEST: "Read the card again, then decide.",
    }
    return advice.get(rule, "Nothing more is needed from you.")


def distinct(candidates: Sequence[frozenset[str]]) -> bool:
    """Whether every seat can have a person of its own; there are at most two seats."""
    if not candidates:
        return True
    first, *rest = candidates
    return any(distinct([seat - {person} for seat in rest]) for person in first)
