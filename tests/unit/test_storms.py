"""A storm: thousands of new groups become a handful of messages, and every one of them is kept."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.alerts import AlertGroup, Status
from bot.domain.errors import RequestError
from bot.domain.risk import Severity
from bot.services.rows import Job
from bot.services.storms import MOST_GROUPS, StormPainter
from tests.approving import AIKO
from tests.builders import AN_INSTANT
from tests.unit.test_alerts import FIRING, GROUP, MINUTE, Alarm, text_of


class Gale(Alarm):
    """So many groups within a minute, of P2 unless it says otherwise."""

    async def blow(self, count: int, severity: Severity = Severity.P2, first: int = 0) -> list[AlertGroup]:
        told = [replace(GROUP, severity=severity, key=f"{severity}{number}") for number in range(first, first + count)]
        return [await self.alerts.take(one, [FIRING]) for one in told]

    async def heads(self) -> set[str]:
        return {key for key in await self.keys() if key.startswith(("alert:", "storm:"))}

    async def storm(self) -> str:
        painted = await StormPainter(self.store).paint(f"storm:{MOST_GROUPS}")
        assert painted is not None
        return text_of(painted)


async def test_a_storm_is_a_handful_of_messages_with_counts_and_nothing_is_lost() -> None:
    gale = Gale()
    await gale.blow(300)
    assert await gale.heads() == {f"alert:{number}" for number in range(1, MOST_GROUPS + 1)} | {f"storm:{MOST_GROUPS}"}
    assert "290 firing, 290 unanswered" in await gale.storm()
    async with gale.store.work() as work:
        assert len(await work.alerts.firing()) == 300


async def test_ten_thousand_alerts_of_one_group_are_one_message() -> None:
    gale = Gale()
    await gale.alerts.take(GROUP, [replace(FIRING, fingerprint=f"f{number:05}") for number in range(10_000)])
    assert "10,000 firing" in await gale.shown()
    assert await gale.keys() == ["alert:1"]


async def test_what_is_most_urgent_keeps_its_own_message() -> None:
    gale = Gale()
    await gale.blow(20)
    (urgent,) = await gale.blow(1, Severity.P0)
    assert urgent.message == "alert:21"


async def test_one_clock_of_each_severity_calls_for_the_storm_until_all_of_it_is_answered() -> None:
    gale = Gale()
    await gale.blow(30)
    about = {wake.key for wake in gale.store.wakes if wake.job is Job.MAKE_CALLS}
    assert about == {f"alert:{number}" for number in range(1, MOST_GROUPS + 2)}
    await gale.blow(5, Severity.P1)
    more = {wake.key for wake in gale.store.wakes if wake.job is Job.MAKE_CALLS} - about
    assert more == {"alert:31"}


async def test_the_storm_calls_though_the_group_with_its_clock_has_ended() -> None:
    gale = Gale()
    await gale.blow(15, Severity.P1)
    head = replace(GROUP, severity=Severity.P1, key=f"{Severity.P1}{MOST_GROUPS}")
    await gale.alerts.take(head, [replace(FIRING, status=Status.RESOLVED, ends_at=AN_INSTANT + MINUTE)])
    await gale.wake(timedelta(hours=1))
    assert ("called", ("UEMI",)) in await gale.called(f"alert:{MOST_GROUPS + 1}")


async def test_a_storm_is_acknowledged_at_once_and_calls_nobody_after_it() -> None:
    gale = Gale()
    await gale.blow(15, Severity.P1)
    assert await gale.alerts.acknowledge_storm(MOST_GROUPS, AIKO) == "5 alert groups of the storm are yours."
    with pytest.raises(RequestError, match="waits for an answer"):
        await gale.alerts.acknowledge_storm(MOST_GROUPS, AIKO)
    assert "Acknowledge all" not in await gale.storm()
    await gale.wake(timedelta(hours=5))
    assert {users for _, users in await gale.called(f"alert:{MOST_GROUPS + 1}")} == {()}


async def test_after_a_quiet_minute_an_alert_has_its_own_message_again() -> None:
    gale = Gale()
    await gale.blow(30)
    gale.passed += 2 * MINUTE
    (later,) = await gale.blow(1, first=30)
    assert later.message == "alert:31"
