"""Alerts arrive, become messages with a clock, and are answered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain import phrases
from bot.domain.alerts import Alert, AlertEvent, AlertEventKind, AlertGroup, Source, Status, merged
from bot.domain.audit import Entry, Verb
from bot.domain.errors import RequestError
from bot.domain.people import ENGINE, Actor
from bot.domain.risk import Severity
from bot.policy.rules import Rules
from bot.services.alert_merging import opened
from bot.services.answers import answered_once, keep_answer
from bot.services.calls import alert_calls, schedule
from bot.services.messages import want
from bot.services.ports import Store, Work
from bot.services.rows import MessageRow
from bot.services.storms import storm_of

_VERBS = {
    AlertEventKind.ACKNOWLEDGED: Verb.ALERT_ACKNOWLEDGED,
    AlertEventKind.CLOSED: Verb.ALERT_RESOLVED,
    AlertEventKind.SILENCED: Verb.ALERT_SILENCED,
    AlertEventKind.SILENCE_LIFTED: Verb.ALERT_SILENCE_LIFTED,
    AlertEventKind.ESCALATED: Verb.ALERT_ESCALATED,
    AlertEventKind.INCIDENT: Verb.ALERT_IN_INCIDENT,
}


@dataclass(frozen=True)
class Alerts:
    """Every change of a group, its entry, its messages and its calls commit together."""

    store: Store
    rules: Rules

    async def take(self, told: AlertGroup, alerts: Sequence[Alert]) -> AlertGroup:
        """Take a delivery in; what is known already, or overtaken, changes nothing. Raises: Unavailable."""
        async with self.store.work() as work:
            fires = any(alert.is_firing for alert in alerts)
            told = replace(told, storm=await storm_of(work, told) if fires else 0)
            group, told, is_new = await opened(work, told, fires=fires)
            known = () if is_new else await work.alerts.alerts(group.number)
            everything, changed = merged(known, alerts)
            if not changed and not is_new:
                return group
            await work.alerts.save_alerts(group.number, changed)
            firing = [alert for alert in everything.values() if alert.is_firing]
            return await self._turned(work, group, told, firing, changed, is_new=is_new)

    async def _turned(
        self,
        work: Work,
        group: AlertGroup,
        told: AlertGroup,
        firing: Sequence[Alert],
        changed: Sequence[Alert],
        *,
        is_new: bool,
    ) -> AlertGroup:
        """The group as its alerts now make it."""
        now = await work.now()
        after = replace(group, labels=told.labels, annotations=told.annotations, link=told.link, title=told.title)
        worse = bool(firing) and told.severity < group.severity
        if worse:
            after = replace(after, severity=told.severity)
        if firing and not group.is_firing:
            after = replace(after, status=Status.FIRING, resolved_at=None, flaps=group.flaps + 1)
        if not firing and (group.is_firing or is_new):
            after = replace(after, status=Status.RESOLVED, resolved_at=now)
        starts = after.is_firing and (is_new or worse or not group.is_firing)
        if starts and not (group.storm and await work.alerts.storm_is_told(after)):
            calls = await alert_calls(work, after, self.rules, now)
            after = replace(after, clock=calls[0].position)
            await schedule(work, calls)
        await work.alerts.save(after)
        await self._note(work, after, _events(group, after, changed, is_new=is_new))
        return after

    async def _note(self, work: Work, group: AlertGroup, events: Sequence[AlertEvent]) -> None:
        last = 0
        for event in events:
            verb = Verb.ALERT_RESOLVED if event.kind is AlertEventKind.RESOLVED else Verb.ALERT_FIRED
            last = await work.alerts.note(group.number, event)
            details = {"title": group.title, "severity": group.severity.value, "what": event.text}
            await work.audit.record(Entry(ENGINE, verb, group.label, details=details))
        await self.show(work, group, fresh=len(events), last=last)

    async def show(self, work: Work, group: AlertGroup, fresh: int = 0, last: int = 0) -> None:
        """Have the group's message drawn as it stands, with so many fresh lines of its history, up to `last`.

        The first line stands in the message itself; what flaps adds no lines.
        """
        head = MessageRow(group.message, self.rules.alerts_channel)
        first = max(2, last - fresh + 1)
        key = f"history:{group.number}:{first}:{last}"
        tell = first <= last and fresh and not group.is_flapping and not group.storm
        await want(work, head, *([MessageRow(key, head.channel, parent=head.key)] if tell else ()))

    async def raise_own(self, key: str, severity: Severity, title: str, description: str, advice: str) -> AlertGroup:
        """An alert of the bot's own look at things, such as a backup that is due; raised again it changes nothing.

        `key` names what is wrong, and settles it later.
        """
        labels = {"alertname": title, "severity": severity.value}
        group = AlertGroup(Source.BOT, key, severity, title, labels, {"advice": advice})
        return await self.tell(group, description)

    async def tell(self, group: AlertGroup, description: str, resolved: bool = False) -> AlertGroup:
        """Take in one alert whose sender says neither since when nor, told again, that it is the same."""
        async with self.store.work() as work:
            standing, now = await _standing(work, group.source, group.key), await work.now()
        annotations = {**group.annotations, "description": description}
        began, ended = standing[0].starts_at if standing else now, now if resolved else None
        status = Status.RESOLVED if resolved else Status.FIRING
        return await self.take(group, [Alert(group.key, status, began, group.labels, annotations, ended)])

    async def settle_own(self, key: str) -> None:
        """What was wrong is well again; where nothing fires, nothing happens."""
        async with self.store.work() as work:
            group = await _firing_group(work, Source.BOT, key)
        if group is not None:
            await self.tell(group, "It is well again.", resolved=True)

    @answered_once
    async def acknowledge(self, number: int, actor: Actor) -> str:
        """Raises: RequestError for what is not there, resolved, or somebody else's."""
        async with self.store.work() as work:
            group = await self.must_fire(work, number)
            if group.acknowledged_by == actor.principal:
                return f"You have {group.label} already."
            if group.acknowledged_by:
                raise RequestError(f"{group.acknowledged_slack or group.acknowledged_by} has {group.label} already.")
            after = replace(
                group,
                acknowledged_by=actor.principal,
                acknowledged_slack=actor.slack_user,
                acknowledged_at=await work.now(),
            )
            await work.alerts.save(after)
            await self.acted(work, after, actor, AlertEventKind.ACKNOWLEDGED)
            return await keep_answer(work, f"{group.label} is yours.")

    @answered_once
    async def acknowledge_storm(self, storm: int, actor: Actor) -> str:
        """Everything of it that nobody has. Raises: RequestError when nothing is left."""
        async with self.store.work() as work:
            count = await work.alerts.acknowledge_storm(storm, actor.principal, actor.slack_user)
            if not count:
                hint = "`/takumi alerts` lists the rest."
                raise RequestError("Nothing of that storm waits for an answer.", hint=hint)
            told = phrases.count(count, "alert group")
            details = {"title": "storm", "why": told}
            await work.audit.record(Entry(actor, Verb.ALERT_ACKNOWLEDGED, f"storm {storm}", details=details))
            await want(work, MessageRow(f"storm:{storm}", self.rules.alerts_channel))
            return await keep_answer(work, f"{told} of the storm are yours.")

    @answered_once
    async def close(self, number: int, actor: Actor, reason: str) -> str:
        """Resolve by hand what its sender never ends. Raises: RequestError."""
        async with self.store.work() as work:
            group = await self.must_fire(work, number)
            now = await work.now()
            alerts = [
                replace(alert, status=Status.RESOLVED, ends_at=now, changes=alert.changes + 1)
                for alert in await work.alerts.alerts(number)
                if alert.is_firing
            ]
            await work.alerts.save_alerts(number, alerts)
            after = replace(group, status=Status.RESOLVED, resolved_at=now)
            await work.alerts.save(after)
            await self.acted(work, after, actor, AlertEventKind.CLOSED, reason)
            return await keep_answer(work, f"{group.label} is closed.")

    async def acted(self, work: Work, group: AlertGroup, actor: Actor, kind: AlertEventKind, text: str = "") -> None:
        """Note what somebody did with it, and show it."""
        last = await work.alerts.note(group.number, AlertEvent(kind, text, actor.principal, actor.slack_user))
        details = {"title": group.title, "why": text}
        await work.audit.record(Entry(actor, _VERBS[kind], group.label, details=details))
        await self.show(work, group, fresh=1, last=last)

    async def must_fire(self, work: Work, number: int) -> AlertGroup:
        """The group, held. Raises: RequestError when it does not fire."""
        group = await work.alerts.get(number, hold=True)
        if group is None or not group.is_firing:
            raise RequestError(f"Alert {number} does not fire.", hint="`/takumi alerts` lists those that do.")
        return group


async def _firing_group(work: Work, source: Source, key: str) -> AlertGroup | None:
    return next((one for one in await work.alerts.firing() if (one.source, one.key) == (source, key)), None)


async def _standing(work: Work, source: Source, key: str) -> Sequence[Alert]:
    group = await _firing_group(work, source, key)
    return await work.alerts.alerts(group.number) if group else ()


def _events(before: AlertGroup, after: AlertGroup, changed: Sequence[Alert], *, is_new: bool) -> tuple[AlertEvent, ...]:
    """What a delivery adds to the history: counts, so that a storm is one line."""
    fired = sum(alert.is_firing for alert in changed)
    ended = len(changed) - fired
    lines = []
    if fired:
        kind = AlertEventKind.FIRED if before.is_firing or is_new else AlertEventKind.AGAIN
        lines.append(AlertEvent(kind, phrases.count(fired, "alert")))
    if ended:
        whole = "" if after.is_firing else ", all of them now"
        lines.append(AlertEvent(AlertEventKind.RESOLVED, phrases.count(ended, "alert") + whole))
    if after.severity is not before.severity:
        lines.append(AlertEvent(AlertEventKind.SEVERITY, f"{before.severity.value} to {after.severity.value}"))
    return tuple(lines)
