"""Silences: Alertmanager keeps them, and the bot knows when they begin and how they end."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.domain import phrases
from bot.domain.alerts import Alert, AlertEvent, AlertEventKind, AlertGroup, Source, Status
from bot.domain.audit import Entry, Verb
from bot.domain.errors import OperationFailed, RequestError
from bot.domain.moments import read_moment
from bot.domain.people import ENGINE, Actor
from bot.policy.components import is_own_look
from bot.services.alert_ports import Silencer
from bot.services.alerts import Alerts
from bot.services.answers import answered_once, id_of_request, keep_answer
from bot.services.calls import alert_calls, schedule
from bot.services.ports import Store, Work

log = structlog.get_logger()

LONGEST = timedelta(days=7)


@dataclass(frozen=True)
class Silences:
    """A silence holds back the calls of a group, and its end starts their clock again."""

    store: Store
    alerts: Alerts
    silencer: Silencer | None = None

    @answered_once
    async def silence(self, number: int, actor: Actor, moment: str, reason: str) -> str:
        """Silence what the group's alerts share until then. Raises: RequestError, OperationFailed."""
        silencer = self._silencer()
        group, until = await self._wanted(number, moment)
        comment = f"{group.label}, request {id_of_request()}: {reason}"
        by = actor.slack_user or actor.principal
        made = await silencer.silence(group.labels, until, by, comment, instead_of=group.silence)
        async with self.store.work() as work:
            held = await work.alerts.get(number, hold=True)
            assert held is not None  # noqa: S101 - a group never goes away
            # No call of before stands any more, even one that is made late.
            clock = len(await work.calls.about(f"alert:{number}"))
            after = replace(held, silence=made.id, silenced_until=made.until, clock=clock)
            await work.alerts.save(after)
            told = f"until {phrases.instant(made.until)}: {reason}"
            await self.alerts.acted(work, after, actor, AlertEventKind.SILENCED, told)
            return await keep_answer(work, f"{group.label} is silenced until {phrases.instant(made.until)}.")

    async def _wanted(self, number: int, moment: str) -> tuple[AlertGroup, datetime]:
        async with self.store.work() as work:
            group, now = await self.alerts.must_fire(work, number), await work.now()
        if group.source is not Source.ALERTMANAGER:
            raise RequestError(f"{group.label} did not come from Alertmanager.", hint="Acknowledge it instead.")
        if not group.labels:
            raise RequestError(f"The alerts of {group.label} share no label.", hint="Silence them in Alertmanager.")
        until = read_moment(moment, now, self.alerts.rules.timetable.hours.zone)
        if until - now > LONGEST:
            raise RequestError(f"A silence lasts {phrases.duration(LONGEST)} at most.", hint="Renew it then.")
        return group, until

    @answered_once
    async def lift(self, number: int, actor: Actor) -> str:
        """Raises: RequestError, OperationFailed."""
        silencer = self._silencer()
        async with self.store.work() as work:
            group = await self.alerts.must_fire(work, number)
        if not group.silence:
            raise RequestError(f"{group.label} is not silenced.", hint="Nothing to do.")
        await silencer.lift(group.silence)
        async with self.store.work() as work:
            await self._over(work, number, group.silence, "", actor)
            return await keep_answer(work, f"The silence of {group.label} is lifted.")

    async def look(self) -> None:
        """End what is over, here or there, and what ended unheard: Alertmanager tells nothing of what is silenced."""
        if self.silencer is None:
            return
        async with self.store.work() as work:
            silenced, now = [one for one in await work.alerts.firing() if one.silence], await work.now()
        for group in silenced:
            try:
                await self._look_at(self.silencer, group, now)
            except OperationFailed as error:
                log.warning("silence.not_looked_at", alert=group.number, error=str(error))

    async def _look_at(self, silencer: Silencer, group: AlertGroup, now: datetime) -> None:
        over = group.silenced_until is not None and group.silenced_until <= now
        if over or not await silencer.stands(group.silence):
            async with self.store.work() as work:
                await self._over(work, group.number, group.silence, "its time is over" if over else "in Alertmanager")
        firing = await silencer.firing(group.labels)
        if firing is None:
            return
        async with self.store.work() as work:
            known = await work.alerts.alerts(group.number)
        gone = [
            _ended(one, now)
            for one in known
            if one.is_firing and not is_own_look(one) and one.fingerprint not in firing
        ]
        if gone:
            await self.alerts.take(group, gone)

    async def _over(self, work: Work, number: int, silence: str, how: str, actor: Actor = ENGINE) -> None:
        """The calls begin anew; another silence in its place stands."""
        group = await work.alerts.get(number, hold=True)
        if group is None or group.silence != silence:
            return
        after = replace(group, silence="", silenced_until=None)
        if after.is_firing:
            calls = await alert_calls(work, after, self.alerts.rules, await work.now())
            after = replace(after, clock=calls[0].position)
            await schedule(work, calls)
        await work.alerts.save(after)
        if actor.is_person:
            await self.alerts.acted(work, after, actor, AlertEventKind.SILENCE_LIFTED, how)
            return
        last = await work.alerts.note(number, AlertEvent(AlertEventKind.SILENCE_LIFTED, how))
        await work.audit.record(Entry(ENGINE, Verb.ALERT_SILENCE_LIFTED, group.label, details={"why": how}))
        await self.alerts.show(work, after, fresh=1, last=last)

    def _silencer(self) -> Silencer:
        if self.silencer is None:
            hint = "Set TAKUMI_BOT_ALERTMANAGER_URL."
            raise RequestError("I do not know where Alertmanager's API is.", hint=hint)
        return self.silencer


def _ended(alert: Alert, now: datetime) -> Alert:
    return replace(alert, status=Status.RESOLVED, ends_at=now)
