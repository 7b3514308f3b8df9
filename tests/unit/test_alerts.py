"""Alerts: deliveries that repeat and overtake one another, one message a group, and a clock until somebody answers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.alerts import Alert, AlertGroup, Source, Status, newer
from bot.domain.audit import Verb
from bot.domain.documents import Document
from bot.domain.errors import RequestError
from bot.domain.people import Person, Role
from bot.domain.risk import Severity
from bot.policy.rules import Rules
from bot.services.alert_documents import AlertPainter
from bot.services.alerts import Alerts
from bot.services.call_documents import CallPainter
from bot.services.rows import AuditQuery
from bot.slack.render import render
from tests.approving import AIKO, TARO, World
from tests.builders import AN_INSTANT

MINUTE = timedelta(minutes=1)
FIRING = Alert("f1", Status.FIRING, AN_INSTANT, {"alertname": "APIDown"}, {"description": "The API is away."})
ENDED = replace(FIRING, status=Status.RESOLVED, ends_at=AN_INSTANT + MINUTE)
LATER = replace(FIRING, starts_at=AN_INSTANT + 2 * MINUTE)
GROUP = AlertGroup(Source.ALERTMANAGER, "api", Severity.P0, "APIDown")


class Alarm(World):
    """A World with alerts."""

    def __init__(self) -> None:
        super().__init__()
        self.chat.people["UREI"] = Person("UREI", "T1", "Rei", roles=frozenset({Role.CTO}))
        self.alerts = Alerts(self.store, Rules(alerts_channel="C1"))

    async def fire(self, *alerts: Alert, severity: Severity = Severity.P0, key: str = "api") -> AlertGroup:
        return await self.alerts.take(replace(GROUP, severity=severity, key=key), alerts or (FIRING,))

    async def shown(self, number: int = 1) -> str:
        document = await AlertPainter(self.store).paint(f"alert:{number}")
        assert document is not None
        return text_of(document)

    async def keys(self) -> list[str]:
        return sorted({wake.key for wake in self.store.wakes if wake.job.value == "message.draw"})

    async def entries(self) -> list[Verb]:
        async with self.store.work() as work:
            return [one.entry.verb for one in reversed(await work.audit.find(AuditQuery(limit=90)))]


def text_of(document: Document) -> str:
    return str(render(document).blocks)


@pytest.mark.parametrize(
    ("known", "told", "stored"),
    [
        (None, FIRING, Status.FIRING),
        (FIRING, FIRING, None),
        (FIRING, ENDED, Status.RESOLVED),
        (ENDED, ENDED, None),
        (ENDED, FIRING, None),
        (ENDED, LATER, Status.FIRING),
        (LATER, ENDED, None),
        (LATER, FIRING, None),
        (FIRING, replace(FIRING, annotations={"description": "Still."}), Status.FIRING),
    ],
    ids=["new", "repeated", "ended", "end repeated", "overtaken", "again", "late end", "late start", "other words"],
)
def test_a_later_start_wins_and_of_one_start_the_end(known: Alert | None, told: Alert, stored: Status | None):
    known = newer(None, known) if known else None
    found = newer(known, told)
    assert (found.status if found else None) is stored


def test_changes_count_turns_and_not_other_words():
    first = newer(None, FIRING)
    assert first is not None
    other = newer(first, replace(FIRING, annotations={"description": "Still."}))
    ended = newer(first, ENDED)
    assert [alert.changes if alert else None for alert in (first, other, ended)] == [1, 1, 2]


async def test_a_group_is_one_message_however_often_it_is_told():
    alarm = Alarm()
    for _ in range(3):
        await alarm.fire()
    await alarm.fire(FIRING, replace(FIRING, fingerprint="f2"))
    assert await alarm.keys() == ["alert:1", "history:1:2:2"]
    assert "2 firing" in await alarm.shown()
    assert await alarm.entries() == [Verb.ALERT_FIRED, Verb.ALERT_FIRED]


async def test_a_redelivery_changes_nothing_at_all():
    alarm = Alarm()
    await alarm.fire()
    wakes, entries = list(alarm.store.wakes), await alarm.entries()
    await alarm.fire()
    assert (alarm.store.wakes, await alarm.entries()) == (wakes, entries)


async def test_a_group_is_resolved_once_all_of_its_alerts_are():
    alarm = Alarm()
    other = replace(FIRING, fingerprint="f2")
    await alarm.fire(FIRING, other)
    assert (await alarm.fire(ENDED)).is_firing
    resolved = await alarm.fire(replace(other, status=Status.RESOLVED, ends_at=AN_INSTANT))
    assert not resolved.is_firing
    assert "resolved" in await alarm.shown()
    assert "Acknowledge" not in await alarm.shown()


async def test_who_fires_again_soon_goes_on_in_its_thread_and_later_gets_another():
    alarm = Alarm()
    await alarm.fire()
    await alarm.fire(ENDED)
    again = await alarm.fire(LATER)
    assert (again.number, again.flaps, again.is_firing) == (1, 1, True)
    ended = replace(LATER, status=Status.RESOLVED, ends_at=LATER.starts_at + MINUTE)
    await alarm.fire(ended)
    alarm.passed += timedelta(hours=1)
    assert (await alarm.fire(replace(FIRING, starts_at=AN_INSTANT + timedelta(hours=1)))).number == 2


async def test_what_flaps_says_so_and_adds_no_more_lines():
    alarm = Alarm()
    for turn in range(5):
        began = AN_INSTANT + turn * 2 * MINUTE
        await alarm.fire(replace(FIRING, starts_at=began))
        await alarm.fire(replace(FIRING, starts_at=began, status=Status.RESOLVED, ends_at=began + MINUTE))
    await alarm.fire(replace(FIRING, starts_at=AN_INSTANT + 20 * MINUTE))
    assert "it flaps" in await alarm.shown()
    assert len([key for key in await alarm.keys() if key.startswith("history:")]) == 5


async def test_nobody_answers_a_p0_and_it_goes_up_to_the_cto():
    alarm = Alarm()
    await alarm.fire()
    await alarm.wake(7 * MINUTE)
    assert await alarm.called("alert:1") == []
    await alarm.wake(MINUTE)
    assert await alarm.called("alert:1") == [("reminded", ("UREI",))]
    await alarm.wake(7 * MINUTE)
    assert await alarm.called("alert:1") == [("reminded", ("UREI",)), ("called", ("UREI",))]
    assert "direct:alert:1:1:UREI" in await alarm.keys()
    painted = await CallPainter(alarm.store, alarm.chat).paint("call:alert:1:1")
    assert painted is not None
    assert "you are called" in painted.summary


async def test_a_p1_calls_the_engineering_lead_first_and_then_the_cto():
    alarm = Alarm()
    await alarm.fire(severity=Severity.P1)
    await alarm.wake(2 * timedelta(hours=1))
    called = [users for event, users in await alarm.called("alert:1") if event == "called"]
    assert called == [("UEMI",), ("UREI",)]


@pytest.mark.parametrize("end", ["acknowledged", "resolved", "silenced"])
async def test_what_is_answered_calls_nobody(end: str):
    alarm = Alarm()
    group = await alarm.fire()
    if end == "acknowledged":
        await alarm.alerts.acknowledge(group.number, AIKO)
    elif end == "resolved":
        await alarm.fire(ENDED)
    else:
        async with alarm.store.work() as work:
            until = datetime.now(UTC) + timedelta(days=1)
            await work.alerts.save(replace(group, silence="s1", silenced_until=until))
    await alarm.wake(timedelta(hours=2))
    async with alarm.store.work() as work:
        assert all(row.users == () for row in await work.calls.about("alert:1"))


async def test_a_worse_alert_starts_the_clock_of_its_severity_and_ends_the_other():
    alarm = Alarm()
    await alarm.fire(severity=Severity.P2)
    worse = await alarm.fire(FIRING, replace(FIRING, fingerprint="f2"), severity=Severity.P0)
    assert worse.severity is Severity.P0
    await alarm.wake(15 * MINUTE)
    assert [users for event, users in await alarm.called("alert:1") if event == "called"] == [("UREI",)]
    await alarm.wake(timedelta(days=3))
    written: Sequence[tuple[str, ...]] = [users for _, users in await alarm.called("alert:1")]
    assert ("UTARO",) not in written


async def test_one_person_has_it_and_the_next_is_told_who():
    alarm = Alarm()
    await alarm.fire()
    assert await alarm.alerts.acknowledge(1, AIKO) == "alert 1 is yours."
    assert await alarm.alerts.acknowledge(1, AIKO) == "You have alert 1 already."
    with pytest.raises(RequestError, match="UAIKO"):
        await alarm.alerts.acknowledge(1, TARO)
    assert "is on it" in await alarm.shown()
    with pytest.raises(RequestError, match="does not fire"):
        await alarm.alerts.acknowledge(2, AIKO)


async def test_an_alert_without_an_end_is_closed_by_hand():
    alarm = Alarm()
    await alarm.fire()
    await alarm.alerts.close(1, AIKO, "a drill")
    assert "resolved" in await alarm.shown()
    with pytest.raises(RequestError):
        await alarm.alerts.close(1, AIKO, "a drill")
    assert (await alarm.entries())[-1] is Verb.ALERT_RESOLVED


async def test_an_own_alert_is_raised_once_and_settled():
    alarm = Alarm()
    for _ in range(3):
        await alarm.alerts.raise_own(
            "backup:takumi", Severity.P1, "No proven backup", "It is 30 hours old.", "Back up."
        )
    assert await alarm.entries() == [Verb.ALERT_FIRED]
    assert "30 hours" in await alarm.shown()
    await alarm.alerts.settle_own("backup:takumi")
    await alarm.alerts.settle_own("backup:takumi")
    assert await alarm.entries() == [Verb.ALERT_FIRED, Verb.ALERT_RESOLVED]


async def test_hostile_labels_are_shown_as_they_are():
    alarm = Alarm()
    await alarm.fire(replace(FIRING, annotations={"description": "<!channel> *bold* <http://x|y>"}))
    shown = await alarm.shown()
    assert "'plain_text', 'text': '<!channel> *bold*" in shown
