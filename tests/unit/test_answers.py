"""A worker that dies between an effect and its answer: the request, worked on again, is told what it was told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.audit import Verb
from bot.domain.catalog import Catalog
from bot.domain.documents import Document
from bot.domain.people import Person, Role
from bot.domain.risk import Severity
from bot.domain.runs import Run, RunState, StepState
from bot.policy.rules import Rules
from bot.services.alerts import Alerts
from bot.services.desk import desk
from bot.services.enrolment import Enrolment
from bot.services.interruptions import Interruptions
from bot.services.people import People
from bot.services.registry import Places, Services
from bot.services.requests import WORKING_LEASE, Requests
from bot.services.rows import AuditQuery, Delivery, DeliveryKind
from bot.services.trail import Trail
from commands import factor, freeze, incident, review
from tests.approving import EMI, Seen, World
from tests.fakes import FakeChat
from tests.unit.test_proofs import a_code_of

FAMILIES = (factor.FAMILY, freeze.FAMILY, incident.FAMILY, review.FAMILY)
GLASS = "the database is on fire"


class Killed(BaseException):
    """Nothing in the bot catches it, as nothing catches a kill."""


@dataclass
class DyingChat(FakeChat):
    """Notes every answer, and dies of the first as soon as `mortal`, before Slack has it."""

    mortal: bool = False
    answers: list[tuple[str, Document]] = field(default_factory=list)

    async def respond(self, response_url: str, user: str, document: Document) -> None:
        await self._note("respond", document)
        await super().respond(response_url, user, document)

    async def whisper(self, channel: str, user: str, thread: str, document: Document) -> None:
        await self._note("whisper", document)
        await super().whisper(channel, user, thread, document)

    async def post(self, channel: str, thread: str, document: Document, key: str) -> Any:
        await self._note("post", document)
        return await super().post(channel, thread, document, key)

    async def _note(self, how: str, document: Document) -> None:
        self.answers.append((how, document))
        if self.mortal:
            self.mortal = False
            raise Killed


class Office(World):
    """The world of approvals with an inbox before it."""

    def __init__(self) -> None:
        glass = frozenset({"try-a-thing"}), frozenset({"slack:T1:UAIKO"})
        super().__init__(rules=Rules(alerts_channel="C1", glass_runbooks=glass[0], glass_people=glass[1]))
        self.chat = DyingChat(
            people={**self.chat.people, "UREI": Person("UREI", "T1", "Rei", roles=frozenset({Role.CTO}))}
        )
        loaded = self.runs.catalog.runbooks
        catalog, people = Catalog(FAMILIES, loaded), replace(self.approvals.people, chat=self.chat)
        self.approvals = replace(self.approvals, chat=self.chat, people=people)
        self.runs = replace(self.runs, catalog=catalog, approvals=self.approvals)
        self.execution = replace(self.execution, catalog=catalog, approvals=self.approvals)
        self.exceptions = replace(self.exceptions, chat=self.chat)
        self.alerts = Alerts(self.store, self.approvals.rules)
        used = {
            "store": self.store,
            "runs": self.runs,
            "approvals": self.approvals,
            "interruptions": Interruptions(self.store, self.chat),
            "exceptions": self.exceptions,
            "alerts": self.alerts,
            "enrolment": Enrolment(self.store, self.chat, self.proofs),
            "trail": Trail(self.store),
            "catalog": catalog,
            "places": Places("/takumi", ("C1",)),
        }
        everything: dict[str, Any] = dict.fromkeys([one.name for one in fields(Services)])
        services = Services(**everything | used)
        answers = desk(services, self.tools)
        self.requests = Requests(self.store, self.chat, people, services.trail, answers, "worker")
        self.count = 0

    async def received(self, user: str, text: str = "", **more: Any) -> str:
        """A command, or what `more` says."""
        self.count += 1
        kind = DeliveryKind(more.get("kind", "command"))
        payload = {"kind": kind, "user": user, "team": "T1", "channel": "C1", "text": text, **more}
        inbox_id, _ = await self.store.receive(
            Delivery(kind, f"key-{self.count}", {"response_url": "there", **payload})
        )
        return inbox_id

    async def says(self, user: str, text: str) -> None:
        await self.requests.work(await self.received(user, text))

    async def trail(self, verb: Verb) -> int:
        async with self.store.work() as work:
            return [one.entry.verb for one in await work.audit.find(AuditQuery(limit=90))].count(verb)


Arrange = Callable[[Office], Awaitable[str]]


def click(action: str, user: str = "UEMI", **more: Any) -> Arrange:
    async def clicked(office: Office) -> str:
        run = await office.ask()
        return await office.received(user, kind="action", action=action, value=run.id, **more)

    return clicked


async def denied(office: Office) -> str:
    run = await office.ask()
    values = {"reason": "not today"}
    return await office.received("UEMI", kind="submission", action="run.deny", value=run.id, values=values)


async def cancelled_while_running(office: Office) -> str:
    run = await office.ask()
    await office.approve(run)
    await _interrupted_at(office, run, RunState.RUNNING)
    return await office.received("UAIKO", kind="action", action="run.cancel", value=run.id)


def went_on(action: str) -> Arrange:
    async def answered(office: Office) -> str:
        run = await office.ask()
        await office.approve(run)
        await _interrupted_at(office, run, RunState.INTERRUPTED)
        return await office.received("UEMI", kind="action", action=action, value=run.id)

    return answered


async def _interrupted_at(office: Office, run: Run, state: RunState) -> None:
    async with office.store.work() as work:
        await work.runs.start(run.id, "a dead worker", timedelta(), ())
        await work.runs.save_step(run.id, replace(run.steps[0], state=StepState.INTENDED, attempt=1))
        if state is not RunState.RUNNING:
            await work.runs.move(run.id, RunState.RUNNING, state)


def typed(user: str, text: str, *before: tuple[str, str]) -> Arrange:
    async def arranged(office: Office) -> str:
        for who, words in before:
            await office.says(who, words)
        return await office.received(user, text)

    return arranged


async def reviewed(office: Office) -> str:
    await office.says("UTARO", "incident declare P0 because all is lost")
    run = await office.ask(glass=GLASS)
    await office.approve(run)
    await office.execution.advance(run.id)
    return await office.received("UREI", f"review done {run.number} because it was right")


async def shown(office: Office) -> str:
    address = await Enrolment(office.store, office.chat, office.proofs).begin_code(EMI)
    return await office.received("UEMI", f"factor show {await a_code_of(address, office)}")


async def vouched(office: Office) -> str:
    await office.requests.work(await shown(office))
    return await office.received("UTARO", "factor vouch <@UEMI>")


def alerted(action: str) -> Arrange:
    """A click on an alert that fires."""

    async def clicked(office: Office) -> str:
        group = await office.alerts.raise_own("backup", Severity.P2, "A backup is due", "None for a day", "Look")
        return await office.received("UAIKO", kind="action", action=action, value=str(group.number))

    return clicked


CASES: dict[str, tuple[Arrange, Verb]] = {
    "approve": (click("run.approve"), Verb.APPROVAL_GIVEN),
    "deny": (denied, Verb.APPROVAL_DENIED),
    "cancel a waiting run": (click("run.cancel", "UAIKO"), Verb.RUN_CANCELLED),
    "cancel a running run": (cancelled_while_running, Verb.CANCEL_ASKED),
    "was done": (went_on("run.was_done"), Verb.RUN_RESUMED),
    "run again": (went_on("run.run_again"), Verb.RUN_RESUMED),
    "abort": (went_on("run.abort"), Verb.RUN_RESUMED),
    "declare": (typed("UTARO", "incident declare P1 because it is slow"), Verb.INCIDENT_DECLARED),
    "resolve": (
        typed("UTARO", "incident resolve 1 because it is quick", ("UTARO", "incident declare P1 because slow")),
        Verb.INCIDENT_RESOLVED,
    ),
    "freeze": (typed("UEMI", "freeze until 2h because the launch"), Verb.FREEZE_DECLARED),
    "lift": (
        typed("UEMI", "freeze lift because it is over", ("UEMI", "freeze until 2h because the launch")),
        Verb.FREEZE_LIFTED,
    ),
    "review": (reviewed, Verb.REVIEW_DONE),
    "begin a code": (typed("UEMI", "factor code"), Verb.FACTOR_BEGUN),
    "begin a wallet": (typed("UEMI", f"factor wallet 0x{'1' * 40}"), Verb.FACTOR_BEGUN),
    "show a factor": (shown, Verb.FACTOR_SHOWN),
    "vouch": (vouched, Verb.FACTOR_VOUCHED),
    "acknowledge an alert": (alerted("alert.acknowledge"), Verb.ALERT_ACKNOWLEDGED),
    "close an alert": (alerted("alert.close"), Verb.ALERT_RESOLVED),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_had_its_effect_before_the_worker_died_is_answered_as_it_was_and_not_done_again(case: str) -> None:
    office = Office()
    arrange, verb = CASES[case]
    request = await arrange(office)
    office.chat.answers.clear()
    office.chat.mortal = True
    with pytest.raises(Killed):
        await office.requests.work(request)
    assert await office.trail(verb) == 1
    office.passed += WORKING_LEASE + timedelta(seconds=1)
    await office.requests.work(request)
    first, second = office.chat.answers
    assert second == first
    assert "refused" not in str(second)
    assert await office.trail(verb) == 1
    async with office.store.work() as work:
        row = await work.inbox.get(request)
    assert row is not None
    assert row.worked


async def test_a_click_on_a_card_whose_facts_had_moved_never_counts_however_often_it_is_worked_on() -> None:
    office = Office()
    run = await office.ask()
    office.seen = Seen(sha256="aaa", rows=9_000_000)
    request = await office.received("UEMI", kind="action", action="run.approve", value=run.id)
    office.chat.mortal = True
    with pytest.raises(Killed):
        await office.requests.work(request)
    office.passed += WORKING_LEASE + timedelta(seconds=1)
    await office.requests.work(request)
    first, second = office.chat.answers
    assert second == first
    assert "The facts have moved" in str(second)
    assert (await office.look(run)).state is RunState.REQUESTED
    assert await office.trail(Verb.APPROVAL_REFUSED) == 1


async def test_a_worker_that_was_paused_before_its_commit_neither_counts_twice_nor_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = Office()
    request = await office.received("UTARO", "incident declare P1 because it is slow")
    look, again = People.look, [request]

    async def paused(people: People, user: str) -> Person:
        """Meanwhile its claim runs out, and another worker does all of it."""
        if again:
            office.passed += WORKING_LEASE + timedelta(seconds=1)
            await office.requests.work(again.pop())
        return await look(people, user)

    monkeypatch.setattr(People, "look", paused)
    await office.requests.work(request)
    assert await office.trail(Verb.INCIDENT_DECLARED) == 1
    told = {document.summary for _, document in office.chat.answers}
    assert told == {"Incident 1 is open: P1, it is slow."}
