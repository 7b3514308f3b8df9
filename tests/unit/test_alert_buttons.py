"""What people do with an alert: silence it, call the next one, declare an incident, open the runbook it suggests."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from bot import catalog
from bot.domain.alerts import Alert, AlertGroup, Silence, Source
from bot.domain.audit import Verb
from bot.domain.errors import OperationFailed, RequestError
from bot.domain.people import Person, Role
from bot.domain.risk import Severity
from bot.services.alert_documents import AlertPainter
from bot.services.alert_runbooks import suggested
from bot.services.call_documents import CallPainter
from bot.services.front import Front
from bot.services.silences import Silences
from bot.services.summoning import Summoning
from tests.approving import AIKO, TARO
from tests.unit.test_alerts import FIRING, GROUP, MINUTE, Alarm, text_of

LABELS = {"alertname": "APIDown", "service": "backend", "target": "node-1"}
SHARED = replace(GROUP, labels=LABELS)


@dataclass
class FakeSilencer:
    """An Alertmanager with what fires, and what is silenced until when."""

    fires: frozenset[str] | None = frozenset({"f1"})
    silenced: dict[str, datetime] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    away: bool = False

    async def silence(
        self, labels: Mapping[str, str], until: datetime, by: str, comment: str, *, instead_of: str = ""
    ) -> Silence:
        assert labels == LABELS
        assert by
        self.silenced.pop(instead_of, None)
        self.comments.append(comment)
        name = f"s{len(self.comments)}"
        self.silenced[name] = until
        return Silence(name, until)

    async def stands(self, silence: str) -> bool:
        if self.away:
            raise OperationFailed("Alertmanager does not answer.")
        return silence in self.silenced

    async def lift(self, silence: str) -> None:
        self.silenced.pop(silence, None)

    async def firing(self, labels: Mapping[str, str]) -> frozenset[str] | None:
        assert labels == LABELS
        return self.fires


class Guard(Alarm):
    """An alert that fires, and everybody who can answer it."""

    def __init__(self) -> None:
        super().__init__()
        self.silencer = FakeSilencer()
        self.silences = Silences(self.store, self.alerts, self.silencer)
        self.summoning = Summoning(self.store, self.chat, self.alerts)

    async def begin(self, severity: Severity = Severity.P0) -> AlertGroup:
        return await self.alerts.take(replace(SHARED, severity=severity), [FIRING])

    async def group(self) -> AlertGroup:
        async with self.store.work() as work:
            found = await work.alerts.get(1)
        assert found is not None
        return found

    async def looks(self, *, can_silence: bool = True) -> str:
        painted = await AlertPainter(self.store, catalog.load(), can_silence).paint("alert:1")
        assert painted is not None
        return text_of(painted)


async def test_a_silence_is_kept_shown_and_audited_and_calls_nobody() -> None:
    guard = Guard()
    await guard.begin()
    assert "is silenced until" in await guard.silences.silence(1, AIKO, "1h", "a new disk")
    assert "a new disk" in guard.silencer.comments[0]
    assert "Silenced until" in await guard.looks()
    assert "Lift the silence" in await guard.looks()
    assert (await guard.entries())[-1] is Verb.ALERT_SILENCED
    await guard.wake(59 * MINUTE)
    assert {users for _, users in await guard.called("alert:1")} == {()}


async def test_the_end_of_a_silence_starts_the_clock_again_up_to_the_cto() -> None:
    guard = Guard()
    await guard.begin()
    await guard.silences.silence(1, AIKO, "1h", "a new disk")
    await guard.wake(61 * MINUTE)
    await guard.silences.look()
    assert (await guard.group()).silence == ""
    assert (await guard.entries())[-1] is Verb.ALERT_SILENCE_LIFTED
    await guard.wake(15 * MINUTE)
    assert [users for event, users in await guard.called("alert:1") if event == "called" and users] == [("UREI",)]


async def test_a_silence_that_was_lifted_there_is_lifted_here() -> None:
    guard = Guard()
    await guard.begin()
    await guard.silences.silence(1, AIKO, "4h", "a new disk")
    await guard.silences.look()
    assert (await guard.group()).silence == "s1"
    guard.silencer.silenced.clear()
    await guard.silences.look()
    assert (await guard.group()).silence == ""


async def test_somebody_lifts_it_and_once_is_enough() -> None:
    guard = Guard()
    await guard.begin()
    await guard.silences.silence(1, AIKO, "4h", "a new disk")
    assert "lifted" in await guard.silences.lift(1, TARO)
    assert guard.silencer.silenced == {}
    with pytest.raises(RequestError, match="not silenced"):
        await guard.silences.lift(1, TARO)


async def test_another_silence_takes_the_place_of_the_first() -> None:
    guard = Guard()
    await guard.begin()
    await guard.silences.silence(1, AIKO, "1h", "a new disk")
    await guard.silences.silence(1, AIKO, "4h", "it takes longer")
    assert list(guard.silencer.silenced) == ["s2"] == [(await guard.group()).silence]


async def test_what_ends_under_a_silence_is_resolved_and_what_is_unknown_is_not() -> None:
    guard = Guard()
    await guard.begin()
    await guard.silences.silence(1, AIKO, "1h", "a new disk")
    guard.silencer.fires = None
    await guard.silences.look()
    assert (await guard.group()).is_firing
    guard.silencer.fires = frozenset()
    await guard.silences.look()
    assert not (await guard.group()).is_firing


async def test_an_alertmanager_that_is_away_lifts_nothing() -> None:
    guard = Guard()
    await guard.begin()
    await guard.silences.silence(1, AIKO, "1h", "a new disk")
    guard.silencer.away = True
    await guard.silences.look()
    assert (await guard.group()).silence == "s1"


@pytest.mark.parametrize("moment", ["8d", "soon", "2020-01-01"])
async def test_a_silence_needs_a_moment_within_a_week(moment: str) -> None:
    guard = Guard()
    await guard.begin()
    with pytest.raises(RequestError):
        await guard.silences.silence(1, AIKO, moment, "why")
    assert guard.silencer.comments == []


async def test_only_what_alertmanager_sent_can_be_silenced_and_only_by_what_it_shares() -> None:
    guard = Guard()
    await guard.alerts.raise_own("disk", Severity.P1, "Disk", "It is full.", "")
    await guard.alerts.take(replace(GROUP, key="other"), [FIRING])
    for number, why in ((1, "did not come from"), (2, "share no label"), (3, "does not fire")):
        with pytest.raises(RequestError, match=why):
            await guard.silences.silence(number, AIKO, "1h", "why")
    with pytest.raises(RequestError, match="where Alertmanager"):
        await Silences(guard.store, guard.alerts).silence(1, AIKO, "1h", "why")


async def test_the_next_of_the_table_is_called_at_once_and_then_the_one_above() -> None:
    guard = Guard()
    await guard.begin(Severity.P1)
    assert "engineering lead" in await guard.summoning.escalate(1, AIKO)
    assert "CTO" in await guard.summoning.escalate(1, AIKO)
    with pytest.raises(RequestError, match="has been called"):
        await guard.summoning.escalate(1, AIKO)
    assert {"direct:alert:1:4:UEMI", "call:alert:1:4", "direct:alert:1:5:UREI"} <= set(await guard.keys())
    assert await guard.called("alert:1") == [("paged", ("UEMI",)), ("paged", ("UREI",))]


async def test_who_has_it_can_call_for_help_and_nobody_calls_themselves() -> None:
    guard = Guard()
    guard.chat.people["UAIKO"] = Person("UAIKO", "T1", "Aiko", roles=frozenset({Role.ENGINEERING_LEAD}))
    await guard.begin(Severity.P1)
    await guard.alerts.acknowledge(1, AIKO)
    await guard.summoning.escalate(1, AIKO)
    painted = await CallPainter(guard.store, guard.chat).paint("call:alert:1:4")
    assert painted is not None
    assert "asks for your help" in text_of(painted)
    assert ("paged", ("UEMI",)) in await guard.called("alert:1")


async def test_an_incident_is_declared_once_with_the_alerts_severity() -> None:
    guard = Guard()
    await guard.begin()
    assert "Incident 1 is open: P0" in await guard.summoning.declare(1, AIKO)
    with pytest.raises(RequestError, match="incident 1 already"):
        await guard.summoning.declare(1, TARO)
    assert [one.severity for one in await guard.exceptions.open_incidents()] == [Severity.P0]
    assert "Part of incident 1" in await guard.looks()
    assert "Declare incident" not in await guard.looks()


async def test_buttons_are_those_that_would_work() -> None:
    guard = Guard()
    await guard.begin()
    shown = await guard.looks()
    for label in ("Acknowledge", "Escalate", "Declare incident", "Silence 1h", "Silence 4h", "Silence until"):
        assert label in shown
    assert "Silence" not in await guard.looks(can_silence=False)


def buttons(labels: Mapping[str, str], *alerts: Alert) -> list[str]:
    group = AlertGroup(Source.ALERTMANAGER, "k", Severity.P1, labels.get("alertname", ""), labels)
    return [button.value for button in suggested(group, alerts or (FIRING,), catalog.load())]


def test_the_rules_own_runbook_comes_first_and_only_what_exists() -> None:
    told = replace(FIRING, annotations={"runbook": "verify-backup"})
    unknown = replace(FIRING, annotations={"runbook": "https://wiki/x"})
    assert [value.partition("|")[0] for value in buttons(LABELS, told, unknown)] == ["verify-backup", "act-on-service"]
    assert buttons({"alertname": "Nothing"}) == []


def test_labels_fill_the_fields_of_their_names_and_a_label_cannot_fill_another() -> None:
    assert buttons(LABELS) == ["act-on-service|target=node-1|service=backend"]
    assert buttons(LABELS | {"service": "x|verb=stop"}) == ["act-on-service|target=node-1"]
    assert buttons(LABELS | {"confirm": "production"}) == ["act-on-service|target=node-1|service=backend"]
    assert buttons(LABELS | {"service": "x" * 3000}) == ["act-on-service"]


def test_until_opens_a_modal_at_once() -> None:
    opened = Front(catalog.load()).opens({"kind": "action", "action": "alert.silence_until", "value": "3"})
    assert opened is not None
    assert opened.form is not None
    assert dict(opened.form.about)["value"] == "3"
