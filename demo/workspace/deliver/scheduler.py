"""Scheduled messages, posted when their time comes on the workspace's clock."""

from datetime import timedelta

from demo.workspace.composing import Content, authored
from demo.workspace.deliver.deliveries import Deliveries
from demo.workspace.deliver.events import Events
from demo.workspace.state import messages
from demo.workspace.state.world import ScheduledMessage, World


class Scheduler:
    """One waiting task a message; a restart starts them anew from the state."""

    def __init__(self, world: World, deliveries: Deliveries, events: Events) -> None:
        self._world, self._deliveries, self._events = world, deliveries, events

    def resume(self) -> None:
        for scheduled in self._world.state.scheduled.values():
            self.start(scheduled)

    def start(self, scheduled: ScheduledMessage) -> None:
        self._deliveries.in_background(self._post_in_time(scheduled))

    async def _post_in_time(self, scheduled: ScheduledMessage) -> None:
        wait_seconds = max(0.0, scheduled.post_at_seconds - self._world.clock.now())
        await self._world.clock.sleep(timedelta(seconds=wait_seconds))
        if self._world.state.scheduled.pop(scheduled.id, None) is None:
            return
        channel, app = self._world.state.channels[scheduled.channel], self._world.state.apps[scheduled.app_id]
        message = authored(app, channel, Content(), self._world.state.team_id, self._world.clock.now())
        messages.post(channel, message | scheduled.message)
        self._events.message_posted(channel, message | scheduled.message)
        self._world.changed(channel=channel.id)
