"""What people read of an alert: its message, its history, and who is called for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import markup, phrases
from bot.domain.alerts import Alert, AlertEvent, AlertEventKind, AlertGroup, Source
from bot.domain.calls import CallRow, Event
from bot.domain.catalog import Catalog
from bot.domain.documents import Button, Buttons, Confirm, Document, Note, Part, Rich, Style, Text
from bot.policy.severities import MATRIX
from bot.services.alert_runbooks import suggested
from bot.services.ports import Store

SHOWN_ALERTS = 5
NO_CATALOG = Catalog((), {})
_ESCALATE = Confirm("Call the next?", "Whoever is next in the table is called now, by a direct message.", "Call them")
_DECLARE = Confirm(
    "Declare an incident?", "Requests become as urgent as this alert until it is resolved.", "Declare it"
)
_SIGNS = {"P0": ":rotating_light:", "P1": ":red_circle:", "P2": ":large_orange_circle:", "P3": ":large_blue_circle:"}
_BETTER = (
    "It came without labels: it cannot be silenced here, and never ends by itself. "
    "`/takumi alerts configuration` shows an alertmanager.yml with which it does."
)
_CALLED = {
    Event.REMINDED: "nobody has acknowledged it so far",
    Event.CALLED: "nobody has acknowledged it so far, so you are called",
    Event.PAGED: "a colleague asks for your help, so you are called",
}
_HISTORY_SIGNS = {
    AlertEventKind.FIRED: ":red_circle:",
    AlertEventKind.AGAIN: ":repeat:",
    AlertEventKind.RESOLVED: ":white_check_mark:",
    AlertEventKind.CLOSED: ":white_check_mark:",
    AlertEventKind.ACKNOWLEDGED: ":eyes:",
    AlertEventKind.SILENCED: ":mute:",
    AlertEventKind.SILENCE_LIFTED: ":loud_sound:",
    AlertEventKind.ESCALATED: ":rotating_light:",
}


@dataclass(frozen=True)
class AlertPainter:
    """Paints `alert:<number>` and `history:<number>:<first>:<last>`; `can_silence` with its API."""

    store: Store
    catalog: Catalog = NO_CATALOG
    can_silence: bool = False

    async def paint(self, key: str) -> Document | None:
        number = int(key.split(":")[1])
        async with self.store.work() as work:
            group = await work.alerts.get(number)
            alerts = await work.alerts.alerts(number)
            calls = await work.calls.about(f"alert:{number}")
            now = await work.now()
        if group is None:
            return None
        return message(group, alerts, calls, now, self._buttons(group, alerts, now))

    def _buttons(self, group: AlertGroup, alerts: Sequence[Alert], now: datetime) -> tuple[Buttons, ...]:
        """Nothing is left to do about what is over."""
        if not group.is_firing:
            return ()
        silence = _silence_buttons(group, now) if self.can_silence and group.source is Source.ALERTMANAGER else ()
        rows = (_buttons(group), silence, suggested(group, alerts, self.catalog))
        return tuple(Buttons(row) for row in rows if row)

    async def paint_history(self, key: str) -> Document | None:
        _, number, first, last = key.split(":")
        async with self.store.work() as work:
            events = await work.alerts.events(int(number))
        return history(events[int(first) - 1 : int(last)])


def message(
    group: AlertGroup,
    alerts: Sequence[Alert],
    calls: Sequence[CallRow],
    now: datetime,
    buttons: Sequence[Buttons] = (),
) -> Document:
    """The one message of a group, edited in place."""
    firing = [alert for alert in alerts if alert.is_firing]
    summary = f"{group.severity.value} {group.title}: {_state(group, len(firing))}"
    parts: list[Part] = [
        Rich(
            f"{_sign(group)} {markup.bold(f'{group.severity.value} {group.title}')} ({group.label}): "
            f"{markup.literal(_state(group, len(firing)))}"
        )
    ]
    parts += [Text(_described(alert)) for alert in firing[:SHOWN_ALERTS]]
    if len(firing) > SHOWN_ALERTS:
        parts.append(Note(f"and {len(firing) - SHOWN_ALERTS:,} more, {len(alerts):,} in all"))
    parts += _facts(group, calls, now)
    return Document(summary, [*parts, *buttons])


def _state(group: AlertGroup, firing: int) -> str:
    if not group.is_firing:
        return f"resolved {phrases.instant(group.resolved_at)}" if group.resolved_at else "resolved"
    again = f", fired again {phrases.count(group.flaps, 'time')}" if group.flaps else ""
    flaps = ": it flaps" if group.is_flapping else ""
    return f"{firing:,} firing since {phrases.instant(group.opened_at) if group.opened_at else 'now'}{again}{flaps}"


def _sign(group: AlertGroup) -> str:
    return _SIGNS[group.severity.value] if group.is_firing else ":white_check_mark:"


def _described(alert: Alert) -> str:
    """What the rule says of it; who wrote none gets the labels."""
    said = alert.annotations.get("description") or alert.annotations.get("summary") or _labels(alert.labels)
    advice = alert.annotations.get("advice", "")
    return f"{said} {advice}".strip()


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))


def _facts(group: AlertGroup, calls: Sequence[CallRow], now: datetime) -> list[Part]:
    parts: list[Part] = []
    if group.acknowledged_by:
        who = (
            markup.mention(group.acknowledged_slack)
            if group.acknowledged_slack
            else markup.literal(group.acknowledged_by)
        )
        parts.append(Rich(f":eyes: {who} is on it."))
    elif group.waits(now):
        due = [row for row in calls if row.made_at is None and row.position >= group.clock]
        if due:
            role = due[0].role or MATRIX[group.severity].escalation
            what = "is reminded" if due[0].event is Event.REMINDED else "is called"
            parts.append(
                Note(f"Unless somebody acknowledges: {role.label} {what} at {phrases.instant(due[0].due_at)}.")
            )
    if group.silenced_until and now < group.silenced_until:
        parts.append(Note(f"Silenced until {phrases.instant(group.silenced_until)}."))
    if group.incident:
        parts.append(Note(f"Part of incident {group.incident}."))
    if group.source is Source.WEBHOOK and group.is_firing:
        parts.append(Note(_BETTER))
    if group.link.startswith(("http://", "https://")):
        parts.append(Rich(markup.link(group.link, "Where it comes from")))
    return parts


def _buttons(group: AlertGroup) -> tuple[Button, ...]:
    value = str(group.number)
    ack = () if group.acknowledged_by else (Button("Acknowledge", "alert.acknowledge", value, Style.PRIMARY),)
    close = (Button("Close by hand", "alert.close", value),) if group.source is Source.WEBHOOK else ()
    declare = () if group.incident else (Button("Declare incident", "alert.declare", value, confirm=_DECLARE),)
    return (*ack, Button("Escalate", "alert.escalate", value, confirm=_ESCALATE), *declare, *close)


def _silence_buttons(group: AlertGroup, now: datetime) -> tuple[Button, ...]:
    value = str(group.number)
    if group.silenced_until and now < group.silenced_until:
        return (Button("Lift the silence", "alert.lift", value),)
    lengths = [Button(f"Silence {length}", "alert.silence", f"{value}|{length}") for length in ("1h", "4h")]
    return (*lengths, Button("Silence until…", "alert.silence_until", value))


def history(events: Sequence[AlertEvent]) -> Document | None:
    """Lines in the thread."""
    if not events:
        return None
    lines = [_line(event) for event in events]
    return Document("; ".join(f"{event.kind.value} {event.text}".strip() for event in events), [Rich("\n".join(lines))])


def _line(event: AlertEvent) -> str:
    sign = _HISTORY_SIGNS.get(event.kind, ":small_blue_diamond:")
    who = f" by {markup.mention(event.slack_user)}" if event.slack_user else ""
    text = f": {markup.literal(event.text)}" if event.text else ""
    return f"{sign} {event.kind.value.capitalize()}{who}{text}"


def called(group: AlertGroup, row: CallRow) -> Document:
    """In the thread and to each person: nobody has answered so far."""
    people = " ".join(markup.mention(user) for user in row.users)
    role = row.role or MATRIX[group.severity].escalation
    who = people or f"Nobody fills {role.label}"
    said = _CALLED[row.event]
    title = markup.bold(f"{group.severity.value} {group.title} ({group.label})")
    sign = ":hourglass:" if row.event is Event.REMINDED else ":rotating_light:"
    return Document(f"{group.label} ({group.title}): {said}.", [Rich(f"{sign} {who}: {title}: {said}.")])
