"""Decisions on requests: who may say yes, to exactly what, and what voids it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.approvals import Verdict
from bot.domain.audit import Verb
from bot.domain.errors import OperationFailed, Refused
from bot.domain.people import Person, Role
from bot.domain.risk import Severity
from bot.domain.runs import Origin, RunState
from bot.policy.rules import Rules
from bot.services.approvals import Approvals
from bot.services.people import People
from bot.services.runs import Asked, Runs
from bot.services.seats import filled, need_of
from tests.approving import AIKO, EMI, PEOPLE, REI, TARO, Seen, World
from tests.fakes import FakeChat, Nothing


async def test_the_right_role_approves_and_the_run_starts() -> None:
    world = World()
    run = await world.ask()
    assert run.state is RunState.REQUESTED
    assert "approved and starts" in await world.approve(run)
    await world.execution.advance(run.id)
    assert world.tools.happened == ["swap"]
    assert await world.verbs(run) == [
        Verb.RUN_REQUESTED,
        Verb.APPROVAL_GIVEN,
        Verb.RUN_APPROVED,
        Verb.RUN_STARTED,
        Verb.STEP_INTENDED,
        Verb.STEP_DONE,
        Verb.RUN_SUCCEEDED,
    ]


async def test_without_an_approval_a_wake_up_does_nothing() -> None:
    world = World()
    run = await world.ask()
    await world.execution.advance(run.id)
    assert world.tools.happened == []


async def test_the_requesters_own_click_is_refused_with_the_reason_and_what_to_do() -> None:
    world = World()
    world.chat.people["UAIKO"] = Person("UAIKO", "T1", "Aiko", roles=frozenset({Role.ENGINEERING_LEAD}))
    run = await world.ask()
    with pytest.raises(Refused, match="somebody else") as caught:
        await world.approve(run, AIKO)
    assert "engineering lead" in caught.value.hint


async def test_the_wrong_role_is_refused_by_name() -> None:
    world = World()
    with pytest.raises(Refused, match="needs engineering lead"):
        await world.approve(await world.ask(), TARO)


@pytest.mark.parametrize("refusal", ["your account is deactivated", "you are a guest here"])
async def test_a_fresh_look_at_the_clicker_decides(refusal: str) -> None:
    world = World()
    run = await world.ask()
    world.chat.people["UEMI"] = Person("UEMI", "T1", "Emi", refusal=refusal)
    with pytest.raises(Refused, match=refusal):
        await world.approve(run)


async def test_a_second_click_changes_nothing() -> None:
    world = World()
    run = await world.ask()
    await world.approve(run)
    with pytest.raises(Refused, match="no longer waits"):
        await world.approve(run)


async def test_production_needs_two_people_in_two_roles() -> None:
    world = World("production")
    run = await world.ask()
    assert "still needs" in await world.approve(run, EMI)
    assert (await world.look(run)).state is RunState.REQUESTED
    with pytest.raises(Refused, match="decided on this request before"):
        await world.approve(run, EMI)
    assert "approved and starts" in await world.approve(run, TARO)


async def test_one_denial_ends_it_and_says_why() -> None:
    world = World()
    run = await world.ask()
    await world.approvals.decide(run.id, EMI, Verdict.DENIED, "not during the launch")
    run = await world.look(run)
    assert run.state is RunState.REFUSED
    assert run.failure == "Denied by engineering lead: not during the launch"
    await world.execution.advance(run.id)
    assert world.tools.happened == []


async def test_a_bound_fact_that_changed_before_the_decision_voids_the_request_and_is_named() -> None:
    world = World()
    run = await world.ask()
    world.seen = Seen(sha256="bbb", rows=1000)
    with pytest.raises(Refused, match="sha256 was aaa and is bbb"):
        await world.approve(run)
    run = await world.look(run)
    assert run.state is RunState.REFUSED
    assert "sha256 was aaa and is bbb" in run.failure


async def test_a_bound_fact_that_changed_after_the_approval_voids_it_before_anything_happens() -> None:
    world = World()
    run = await world.ask()
    await world.approve(run)
    world.seen = Seen(sha256="bbb", rows=1000)
    await world.execution.advance(run.id)
    assert world.tools.happened == []
    assert "sha256 was aaa and is bbb" in (await world.look(run)).failure
    assert Verb.APPROVAL_VOIDED in await world.verbs(run)


async def test_a_platform_that_cannot_be_looked_at_again_voids_the_approval() -> None:
    world = World()
    run = await world.ask()
    await world.approve(run)
    world.seen = OperationFailed("the file is gone")
    await world.execution.advance(run.id)
    assert world.tools.happened == []
    assert "the file is gone" in (await world.look(run)).failure


async def test_a_shown_fact_beyond_its_tolerance_is_asked_again_on_a_card_that_shows_it() -> None:
    world = World()
    run = await world.ask()
    world.seen = Seen(sha256="aaa", rows=1200)
    with pytest.raises(Refused, match="Rows now was 1000 and is 1200"):
        await world.approve(run)
    assert (await world.look(run)).card["shown"] == [["Rows now", 1200, 0.1]]
    assert "approved and starts" in await world.approve(run)


async def test_a_shown_fact_within_its_tolerance_keeps_the_approval_good() -> None:
    world = World()
    run = await world.ask()
    world.seen = Seen(sha256="aaa", rows=1090)
    await world.approve(run)
    await world.execution.advance(run.id)
    assert world.tools.happened == ["swap"]


async def test_an_approver_who_lost_the_role_before_the_start_voids_it() -> None:
    world = World()
    run = await world.ask()
    await world.approve(run)
    world.chat.people["UEMI"] = Person("UEMI", "T1", "Emi", roles=frozenset({Role.DEVELOPER}))
    await world.execution.advance(run.id)
    assert world.tools.happened == []


async def test_what_is_approved_and_not_started_in_time_is_void() -> None:
    world = World()
    run = await world.ask()
    await world.approve(run)
    world.passed = timedelta(minutes=31)
    await world.execution.advance(run.id)
    assert world.tools.happened == []
    assert "not started within 30 minutes" in (await world.look(run)).failure


async def test_silence_ends_a_request_and_never_approves_it() -> None:
    world = World()
    run = await world.ask()
    assert run.expires_at is not None
    await world.execution.advance(run.id)
    assert (await world.look(run)).state is RunState.REQUESTED
    world.passed = run.expires_at - datetime.now(UTC) + timedelta(seconds=1)
    await world.execution.advance(run.id)
    assert (await world.look(run)).state is RunState.EXPIRED
    with pytest.raises(Refused, match="no longer waits"):
        await world.approve(run)


async def test_a_request_that_nobody_else_can_approve_is_refused_at_once_naming_the_role() -> None:
    world = World()
    del world.chat.people["UEMI"]
    with pytest.raises(Refused, match="engineering lead"):
        await world.ask()
    assert await world.runs.recent(9) == []


async def test_two_seats_that_one_person_alone_could_fill_are_refused_at_once() -> None:
    world = World("production")
    both = frozenset({Role.ENGINEERING_LEAD, Role.TEAM_LEAD})
    world.chat.people = {"UAIKO": PEOPLE["UAIKO"], "UEMI": Person("UEMI", "T1", "Emi", roles=both)}
    with pytest.raises(Refused, match="two different people"):
        await world.ask()


async def test_two_accounts_of_one_person_are_one_principal() -> None:
    world = World()
    people = People(world.chat, "T1", {"slack:T1:UEMI": "person:aiko", "slack:T1:UAIKO": "person:aiko"})
    approvals = Approvals(world.store, world.chat, people, world.approvals.freshness)
    runs = Runs(world.store, world.tools, world.runs.catalog, world.approvals)
    run = await runs.request("try-a-thing", Nothing(), Asked("inbox-1", people.actor("UAIKO", "T1"), Origin("C1")))
    with pytest.raises(Refused, match="somebody else"):
        await approvals.decide(run.id, people.actor("UEMI", "T1"), Verdict.APPROVED)


async def test_the_digest_binds_requester_expiry_and_the_run_itself() -> None:
    first = await World().ask()
    second = await World().runs.request("try-a-thing", Nothing(), Asked("inbox-2", AIKO, Origin("C1")))
    third = await World().runs.request("try-a-thing", Nothing(), Asked("inbox-1", TARO, Origin("C1")))
    assert len({first.digest, second.digest, third.digest}) == 3


def staffed(**roles: set[Role]) -> World:
    """In production with nobody but these people, who all can prove themselves."""
    world = World("production")
    people = {user: Person(user, "T1", user, roles=frozenset(filled)) for user, filled in roles.items()}
    world.chat.people = {"UAIKO": PEOPLE["UAIKO"]} | people
    return world


async def test_who_fills_two_roles_sits_where_the_others_can_fill_what_is_left() -> None:
    world = staffed(UREI={Role.CTO, Role.ENGINEERING_LEAD}, UEMI={Role.ENGINEERING_LEAD})
    run = await world.ask()
    await world.approve(run, REI)
    assert "approved and starts" in await world.approve(run, EMI)
    world = staffed(UREI={Role.CTO, Role.ENGINEERING_LEAD}, UTARO={Role.TEAM_LEAD})
    run = await world.ask()
    await world.approve(run, REI)
    assert "approved and starts" in await world.approve(run, TARO)


@pytest.mark.parametrize(
    ("seats", "people", "filled_by"),
    [
        ([], [], 0),
        ([{"cto"}], [], 0),
        ([{"cto"}, {"team_lead"}], [{"cto", "team_lead"}], 1),
        ([{"cto"}, {"team_lead"}], [{"cto", "team_lead"}, {"cto"}], 2),
        ([{"cto"}, {"team_lead"}], [{"cto"}, {"cto"}], 1),
    ],
)
def test_seats_are_filled_by_a_maximum_matching(
    seats: list[set[Role]], people: list[set[Role]], filled_by: int
) -> None:
    assert filled([frozenset(seat) for seat in seats], [frozenset(one) for one in people]) == filled_by


async def test_an_incident_that_is_less_urgent_than_the_runbook_eases_nothing() -> None:
    world = World("production")
    await world.exceptions.declare(TARO, Severity.P3, "a typo")
    run = await world.ask()
    assert (run.severity, run.seats_severity) == (Severity.P3, Severity.P1)
    assert need_of(run).seats[0] == {Role.ENGINEERING_LEAD}


@pytest.mark.parametrize("environment", ["demo", "staging"])
async def test_productions_rules_hold_everywhere_where_they_are_practised(environment: str) -> None:
    world = World(environment, Rules(as_production=True))
    await world.enrol(EMI, TARO)
    with pytest.raises(Refused, match="where production's rules hold"):
        await world.ask(confirm="")
    run = await world.ask()
    with pytest.raises(Refused, match="proof that it is you"):
        await world.approvals.decide(run.id, EMI, Verdict.APPROVED)
    assert "still needs" in await world.approve(run, EMI)
    assert "approved and starts" in await world.approve(run, TARO)


@dataclass
class Remembering(FakeChat):
    """A Slack whose user groups are known from an earlier reading, unless they are read again."""

    known: dict[str, Person] = field(default_factory=dict)

    async def person(self, user: str, *, fresh_roles: bool = False) -> Person:
        return self.people[user] if fresh_roles or user not in self.known else self.known[user]


def remembering(world: World) -> World:
    """Whose Slack remembers everybody's roles, and whose Emi has lost hers."""
    world.chat.known.update(world.chat.people)  # type: ignore[attr-defined] - its chat is the one above
    world.chat.people["UEMI"] = replace(PEOPLE["UEMI"], roles=frozenset())
    return world


async def test_user_groups_are_read_again_at_the_click() -> None:
    world = World(chat=Remembering())
    run = await world.ask()
    with pytest.raises(Refused, match="a role that you do not fill"):
        await remembering(world).approve(run)


async def test_user_groups_are_read_again_before_anything_happens() -> None:
    world = World(chat=Remembering())
    run = await world.ask()
    await world.approve(run)
    await remembering(world).execution.advance(run.id)
    assert (await world.look(run)).state is RunState.REFUSED
    assert world.tools.happened == []


async def test_what_waits_for_somebody_is_told_apart_from_what_waits_for_others() -> None:
    world = World()
    run = await world.ask()
    (mine,), others = await world.approvals.waiting_for(EMI, PEOPLE["UEMI"])
    assert (mine.run.id, others) == (run.id, 0)
    assert await world.approvals.waiting_for(TARO, PEOPLE["UTARO"]) == ([], 1)
    assert await world.approvals.waiting_for(AIKO, replace(PEOPLE["UAIKO"], roles=PEOPLE["UEMI"].roles)) == ([], 1)


@pytest.mark.parametrize(("sha256", "state"), [("bbb", RunState.FAILED), ("aaa", RunState.SUCCEEDED)])
async def test_whoever_takes_over_a_run_of_which_nothing_was_begun_looks_at_its_facts_again(
    sha256: str, state: RunState
):
    world = World()
    run = await world.ask()
    await world.approve(run)
    async with world.store.work() as work:
        await work.runs.start(run.id, "a worker that dies", timedelta(seconds=1), [])
    world.passed += timedelta(seconds=30)
    world.seen = Seen(sha256=sha256, rows=1000)
    await world.execution.advance(run.id)
    assert (await world.look(run)).state is state
    assert world.tools.happened == (["swap"] if state is RunState.SUCCEEDED else [])
