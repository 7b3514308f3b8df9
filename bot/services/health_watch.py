"""`/takumi health` as a probe: what stays bad for some looks in a row is an alert, until it is well for some."""

from dataclasses import dataclass, replace
from datetime import timedelta

from bot.domain.alerts import Alert, AlertGroup, Source, Status
from bot.domain.tallies import Tally
from bot.policy.components import DOWN, NOT_WELL, OWN_LOOK
from bot.services.alerts import Alerts
from bot.services.ports import Health, HealthProbe, HealthState, Store

EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class HealthWatch:
    """All replicas share the counts, and one of them looks at a time."""

    store: Store
    alerts: Alerts
    probe: HealthProbe
    every: timedelta = EVERY

    async def look(self) -> None:
        """Look if it is time, count, raise and settle. Raises: Unavailable."""
        async with self.store.work() as work:
            if not await work.health.take_turn(self.every):
                return
            known = {tally.component: tally for tally in await work.health.tallies()}
        for health in await self.probe.look():
            before = known.pop(health.component, Tally(health.component))
            if health.state is not HealthState.UNKNOWN:
                await self._take(before, health)
        for gone in known.values():
            await self._forget(gone)

    async def _take(self, before: Tally, health: Health) -> None:
        """Saved last: who died in between tells the same alert again, which changes nothing."""
        async with self.store.work() as work:
            tally = before.after(health.state is HealthState.OK, await work.now())
        if tally.is_bad:
            tally = replace(tally, alert=await self._raised(tally, health))
        elif tally.is_well and tally.alert:
            await self._settle(tally, "It is well again.")
            tally = replace(tally, alert=0)
        await self._save(tally)

    async def _forget(self, gone: Tally) -> None:
        """A component that is no longer configured must not fire for ever."""
        if gone.alert:
            await self._settle(gone, "It is no longer looked at.")
        if gone != Tally(gone.component):
            await self._save(Tally(gone.component))

    async def _raised(self, tally: Tally, health: Health) -> int:
        """The number of the alert, told once, and again when it got worse; closed by hand, it stays closed."""
        severity = DOWN if health.state is HealthState.DOWN else NOT_WELL
        told = await self._told(tally)
        if told and (not told.is_firing or told.labels.get("severity") in (severity.value, DOWN.value)):
            return tally.alert
        name = f"{tally.component} is not well"
        labels = {"alertname": name, "component": tally.component, "severity": severity.value}
        annotations = {
            "description": f"{tally.component} is {health.state.value}: {health.detail.rstrip('.')}.",
            "advice": health.advice,
        }
        assert tally.since is not None  # noqa: S101 - a bad look was counted
        key = _key(tally)
        group = AlertGroup(Source.BOT, key, severity, name, labels, {"advice": health.advice})
        alert = Alert(key, Status.FIRING, tally.since, labels, annotations)
        return (await self.alerts.take(group, [alert])).number

    async def _settle(self, tally: Tally, how: str) -> None:
        """Only its own alert ends: what Alertmanager says in the same group goes on."""
        told = await self._told(tally)
        if told is None or not told.is_firing:
            return
        async with self.store.work() as work:
            group, now = await work.alerts.get(tally.alert), await work.now()
        assert group is not None  # noqa: S101 - it holds the alert
        ended = replace(told, status=Status.RESOLVED, ends_at=now, annotations={**told.annotations, "description": how})
        await self.alerts.take(group, [ended])

    async def _told(self, tally: Tally) -> Alert | None:
        """What was told of it, in whichever group."""
        async with self.store.work() as work:
            alerts = await work.alerts.alerts(tally.alert) if tally.alert else ()
        return next((one for one in alerts if one.fingerprint == _key(tally)), None)

    async def _save(self, tally: Tally) -> None:
        async with self.store.work() as work:
            await work.health.save(tally)


def _key(tally: Tally) -> str:
    return f"{OWN_LOOK}{tally.component}"
