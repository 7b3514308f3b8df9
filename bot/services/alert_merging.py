"""One trouble is one message: what Alertmanager and the bot's own look tell of a component shares a group."""

from dataclasses import replace

from bot.domain.alerts import AGAIN_WITHIN, AlertGroup, Source
from bot.policy.components import component_of
from bot.services.ports import Work


async def opened(work: Work, told: AlertGroup, *, fires: bool) -> tuple[AlertGroup, AlertGroup, bool]:
    """(the group it goes into, held; what is told of that group; whether it is new).

    A sender's group takes over the bot's own: its number, thread and acknowledgement stay, and its later deliveries
    find it. It is resolved once the alerts of both are.
    """
    other = await _of_the_same_component(work, told) if fires else None
    if other is None:
        group, is_new = await work.alerts.open(told, AGAIN_WITHIN)
        return group, told, is_new
    if told.source is Source.BOT:
        return other, replace(other, severity=told.severity), False
    adopted = replace(other, source=told.source, key=told.key)
    await work.health.adopt(adopted)
    return adopted, told, False


async def _of_the_same_component(work: Work, told: AlertGroup) -> AlertGroup | None:
    """What fires about it from the other side, held; None where it has a firing group of its own."""
    component = component_of(told)
    if not component:
        return None
    await work.health.hold(component)
    firing = await work.alerts.firing()
    if any((one.source, one.key) == (told.source, told.key) for one in firing):
        return None
    for one in firing:
        if component_of(one) == component and (one.source is Source.BOT) != (told.source is Source.BOT):
            held = await work.alerts.get(one.number, hold=True)
            if held is not None and held.is_firing:
                return held
    return None
