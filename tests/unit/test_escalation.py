"""While nobody answers: reminders and calls on the clock; freezes, windows, typed names, broken glass, reviews."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.approvals import Verdict
from bot.domain.audit import Verb
from bot.domain.errors import Refused, RequestError
from bot.domain.people import Person, Role
from bot.domain.risk import Severity
from bot.domain.runs import RunState
from bot.domain.targets import Environment
from bot.policy.escalation import Timetable
from bot.policy.rules import Rules
from bot.policy.working_hours import read_hours
from bot.services.call_documents import CallPainter
from bot.services.satisfiable import enrolled, gaps
from tests.approving import AIKO, EMI, PEOPLE, REI, SORA, TARO, World

MINUTE = timedelta(minutes=1)
GLASS = Rules(glass_runbooks=frozenset({"try-a-thing"}), glass_people=frozenset({AIKO.principal}), alerts_channel="C1")
REI_IS_CTO = Person("UREI", "T1", "Rei", roles=frozenset({Role.CTO}))
SORA_IS_SECURITY = Person("USORA", "T1", "Sora", roles=frozenset({Role.SECURITY}))


def staffed(environment: str = "demo", rules: Rules | None = None) -> World:
    """With a CTO and somebody of security."""
    world = World(environment, rules)
    world.chat.people |= {"UREI": REI_IS_CTO, "USORA": SORA_IS_SECURITY}
    return world


async def test_silence_is_asked_reminded_and_called_up_to_the_cto_and_ends_it():
    world = staffed()
    run = await world.ask()
    about, emi, rei = f"run:{run.id}", ("UEMI",), ("UREI",)
    expected = [("asked", emi)]
    await world.wake(timedelta())
    assert await world.called(about) == expected
    for passed, event in (
        (30, ("reminded", emi)),
        (30, ("called", emi)),
        (60, ("called", rei)),
        (60, ("reminded", rei)),
    ):
        await world.wake(passed * MINUTE - timedelta(seconds=1))
        assert await world.called(about) == expected
        expected.append(event)
        await world.wake(timedelta(seconds=1))
        assert await world.called(about) == expected
    assert (await world.look(run)).state is RunState.REQUESTED
    await world.wake(61 * MINUTE)
    assert (await world.look(run)).state is RunState.EXPIRED
    assert world.tools.happened == []
    assert (await world.verbs(run)).count(Verb.CALL_MADE) == 5


async def test_a_decided_request_calls_nobody_any_more():
    world = staffed()
    run = await world.ask()
    await world.wake(timedelta())
    await world.approvals.decide(run.id, EMI, Verdict.DENIED, "no")
    await world.wake(timedelta(days=1))
    assert [users for _, users in await world.called(f"run:{run.id}")] == [("UEMI",), (), (), (), ()]
    assert (await world.verbs(run)).count(Verb.CALL_MADE) == 1


async def test_who_has_approved_is_not_asked_again_and_the_missing_role_is():
    world = staffed("production")
    run = await world.ask()
    await world.approve(run, EMI)
    await world.wake(31 * MINUTE)
    assert (await world.called(f"run:{run.id}"))[1] == ("reminded", ("UREI", "UTARO"))


async def test_a_call_says_whom_it_means_and_names_the_requester():
    world = staffed()
    run = await world.ask()
    await world.wake(61 * MINUTE)
    document = await CallPainter(world.store, world.chat).paint(f"call:run:{run.id}:2")
    assert document is not None
    said = str(document.parts)
    assert "<@UEMI>" in said
    assert "nobody has answered so far" in said
    assert "<@UAIKO>" in said


async def test_whoever_is_called_gets_a_direct_message_and_whoever_is_reminded_does_not():
    world = staffed()
    run = await world.ask()
    await world.wake(61 * MINUTE)
    async with world.store.work() as work:
        direct = await work.messages.get(f"direct:run:{run.id}:2:UEMI")
        assert direct is not None
        assert direct.channel == "UEMI"
        assert await work.messages.get(f"direct:run:{run.id}:1:UEMI") is None


async def test_a_copy_of_the_card_goes_to_the_approvals_channel_and_its_calls_with_it():
    world = staffed(rules=Rules(approvals_channel="CAPPROVE", alerts_channel="C1"))
    run = await world.ask()
    await world.wake(timedelta())
    async with world.store.work() as work:
        copy, call = await work.messages.get(f"ask:{run.id}"), await work.messages.get(f"call:run:{run.id}:0")
    assert copy is not None
    assert call is not None
    assert (copy.channel, call.channel, call.parent) == ("CAPPROVE", "CAPPROVE", f"ask:{run.id}")


async def test_the_requester_is_told_of_each_decision():
    world = staffed("production")
    run = await world.ask()
    await world.approve(run, EMI)
    document = await CallPainter(world.store, world.chat).paint_decision(f"told:{run.id}:1")
    assert document is not None
    assert "<@UAIKO>" in str(document.parts)
    assert "Still needed: CTO or team lead" in str(document.parts)


async def test_an_open_incident_makes_the_request_as_urgent_as_it_is():
    world = staffed("production")
    await world.exceptions.declare(TARO, Severity.P2, "slow")
    await world.exceptions.declare(TARO, Severity.P0, "all is lost")
    run = await world.ask()
    assert (run.severity, run.incident) == (Severity.P0, 2)
    assert run.expires_at == run.created_at + 45 * MINUTE
    with pytest.raises(RequestError, match="No incident 9"):
        await world.exceptions.resolve(TARO, 9, "")
    await world.exceptions.resolve(TARO, 2, "found again")
    await world.exceptions.resolve(TARO, 1, "fast")
    world.passed = MINUTE
    assert (await world.ask("inbox-2")).severity is Severity.P1


async def test_a_freeze_refuses_what_is_asked_for_and_what_was_approved_and_ends():
    world = staffed()
    run = await world.ask()
    await world.approve(run)
    await world.exceptions.freeze(TARO, datetime.now(UTC) + timedelta(hours=1), "the launch")
    await world.execution.advance(run.id)
    assert world.tools.happened == []
    assert "the launch" in (await world.look(run)).failure
    with pytest.raises(Refused, match="the launch"):
        await world.ask("inbox-2")
    assert await world.exceptions.lift(TARO, "done") == "1 freeze lifted."
    assert (await world.ask("inbox-3")).state is RunState.REQUESTED


async def test_a_freeze_is_over_when_its_time_has_come():
    world = staffed()
    await world.exceptions.freeze(TARO, datetime.now(UTC) + timedelta(hours=1), "the launch")
    world.passed = timedelta(hours=2)
    assert (await world.ask()).state is RunState.REQUESTED


async def test_only_a_lead_or_security_freezes():
    world = staffed()
    with pytest.raises(Refused, match="role that you do not fill"):
        await world.exceptions.freeze(AIKO, datetime.now(UTC) + timedelta(hours=1), "no")


async def test_outside_the_maintenance_windows_nothing_disturbing_is_asked_for():
    never_now = (datetime.now(UTC) + timedelta(days=2)).strftime("%a").lower()
    world = staffed(rules=Rules(windows=(read_hours(f"{never_now} 09:00-10:00", "UTC"),)))
    with pytest.raises(Refused, match="maintenance windows"):
        await world.ask()


@pytest.mark.parametrize("typed", ["", "replace", "other"])
async def test_a_destructive_request_for_production_names_its_target(typed: str):
    world = staffed("production")
    with pytest.raises(Refused, match="in production"):
        await world.ask(confirm=typed)
    assert await world.runs.recent(9) == []


async def test_elsewhere_nothing_has_to_be_typed():
    assert (await staffed("staging").ask(confirm="")).state is RunState.REQUESTED


async def broken(world: World):
    await world.exceptions.declare(TARO, Severity.P1, "the database is gone")
    return await world.ask(glass="no second lead is awake")


async def test_broken_glass_takes_one_approval_away_and_is_marked_paged_and_reviewed():
    world = staffed("production", GLASS)
    run = await broken(world)
    await world.wake(timedelta())
    about = f"run:{run.id}"
    assert (await world.called(about))[:2] == [("paged", ("UREI",)), ("paged", ("USORA",))]
    assert "approved and starts" in await world.approve(run, EMI)
    await world.execution.advance(run.id)
    assert world.tools.happened == ["swap"]
    assert Verb.GLASS_BROKEN in await world.verbs(run)
    assert [one.id for one in await world.exceptions.undone_reviews()] == [run.id]


async def test_broken_glass_still_needs_another_person():
    world = staffed("production", GLASS)
    everything = frozenset(Role)
    world.chat.people["UAIKO"] = replace(PEOPLE["UAIKO"], roles=everything)
    run = await broken(world)
    with pytest.raises(Refused, match="somebody else"):
        await world.approve(run, AIKO)
    await world.execution.advance(run.id)
    assert world.tools.happened == []


async def test_broken_glass_goes_through_a_freeze():
    world = staffed("production", GLASS)
    await world.exceptions.freeze(TARO, datetime.now(UTC) + timedelta(hours=1), "the launch")
    run = await broken(world)
    await world.approve(run, EMI)
    await world.execution.advance(run.id)
    assert world.tools.happened == ["swap"]


@pytest.mark.parametrize(
    ("rules", "severity", "why"),
    [
        (replace(GLASS, glass_runbooks=frozenset()), Severity.P1, "may not be broken"),
        (replace(GLASS, glass_people=frozenset({TARO.principal})), Severity.P1, "not among those"),
        (GLASS, Severity.P2, "open P0 or P1"),
        (GLASS, None, "open P0 or P1"),
    ],
)
async def test_glass_is_not_broken_without_all_that_it_needs(rules: Rules, severity: Severity | None, why: str):
    world = staffed("production", rules)
    if severity:
        await world.exceptions.declare(TARO, severity, "something")
    with pytest.raises(Refused, match=why):
        await world.ask(glass="because")


async def test_the_review_escalates_until_somebody_else_has_done_it():
    world = staffed("production", replace(GLASS, timetable=Timetable({Severity.P2: timedelta(seconds=1)})))
    run = await broken(world)
    for _ in range(7):
        await world.wake(timedelta(days=3))
    made = await world.called(f"review:{run.id}")
    assert len(made) > 6
    assert made[-1] == ("reminded", ("UREI",))
    with pytest.raises(Refused, match="role that you do not fill"):
        await world.exceptions.review(TARO, run, "fine")
    with pytest.raises(Refused, match="role that you do not fill"):
        await world.exceptions.review(AIKO, run, "fine")
    assert "done" in await world.exceptions.review(SORA, run, "it was the only way")
    with pytest.raises(Refused, match="reviewed already"):
        await world.exceptions.review(REI, run, "again")
    before = len([users for _, users in await world.called(f"review:{run.id}") if users])
    await world.wake(timedelta(days=30))
    assert len([users for _, users in await world.called(f"review:{run.id}") if users]) == before


async def test_who_broke_the_glass_does_not_review_it():
    world = staffed("production", GLASS)
    run = await broken(world)
    world.chat.people["UAIKO"] = replace(PEOPLE["UAIKO"], roles=frozenset({Role.CTO}))
    with pytest.raises(Refused, match="somebody else"):
        await world.exceptions.review(AIKO, run, "fine")


async def test_a_policy_that_nobody_can_satisfy_is_found_before_it_is_needed():
    world = staffed()
    assert await gaps(world.chat, world.runs.catalog, ()) == ()
    del world.chat.people["UREI"]
    found = await gaps(world.chat, world.runs.catalog, ())
    assert found == ("escalation: nobody fills CTO, who is called when nobody answers",)


async def test_who_could_not_prove_themselves_is_known_before_they_are_needed():
    world = staffed("production")
    await world.enrol(EMI, TARO)
    found = await enrolled(world.chat, world.approvals.people, world.proofs)
    assert (found.able, found.without) == (2, ("Aiko", "Rei"))
    assert found.told == "2 approvers have a proof beyond the Slack session; without: Aiko, Rei"
    assert found.gaps[0] == (
        "nobody who has a proof beyond the Slack session fills CTO, so P0 requests can never be approved"
    )
    await world.enrol(AIKO, REI)
    assert (await enrolled(world.chat, world.approvals.people, world.proofs)).gaps == ()


async def test_where_productions_rules_hold_staging_needs_what_production_needs():
    world = staffed()
    del world.chat.people["UTARO"], world.chat.people["UREI"]
    staging = (Environment.STAGING,)
    assert not [one for one in await gaps(world.chat, world.runs.catalog, staging) if "staging" in one]
    found = await gaps(world.chat, world.runs.catalog, staging, Rules(as_production=True))
    assert "destructive on staging: nobody fills CTO or team lead, so P1 requests can never be approved" in found
