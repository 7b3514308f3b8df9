"""The stand-in as one thing: the world and every part that acts on it."""

import asyncio
from contextlib import suppress
from pathlib import Path

from demo.workspace.api.dispatch import Dispatcher
from demo.workspace.api.limits import Limits
from demo.workspace.deliver.commands import Commands
from demo.workspace.deliver.deliveries import Deliveries
from demo.workspace.deliver.events import Events
from demo.workspace.deliver.interactions import Interactions
from demo.workspace.deliver.modals import Modals
from demo.workspace.deliver.responses import Responses
from demo.workspace.deliver.rooms import Rooms
from demo.workspace.deliver.scheduler import Scheduler
from demo.workspace.deliver.sockets import Sockets
from demo.workspace.deliver.submissions import Submissions
from demo.workspace.deliver.triggers import Triggers
from demo.workspace.faults import Faults
from demo.workspace.state import snapshot


class StandIn:
    """Wires the parts together; the only place that does."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.world = snapshot.load(folder)
        self.faults = Faults()
        self.limits = Limits()
        self.sockets = Sockets(self.world)
        self.deliveries = Deliveries(self.world, self.sockets, self.faults)
        self.events = Events(self.world, self.deliveries)
        self.rooms = Rooms(self.world, self.events)
        self.triggers = Triggers(self.world)
        self.responses = Responses(self.world, self.events)
        self.commands = Commands(self.world, self.deliveries, self.triggers, self.responses)
        self.interactions = Interactions(self.world, self.deliveries, self.triggers, self.responses)
        self.modals = Modals(self.world, self.triggers)
        self.submissions = Submissions(self.world, self.deliveries, self.triggers, self.modals)
        self.scheduler = Scheduler(self.world, self.deliveries, self.events)
        self.dispatcher = Dispatcher(self)
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.scheduler.resume()
        if self.folder is not None:
            self._keeper = asyncio.create_task(snapshot.Keeper(self.world, self.folder).run())

    async def stop(self) -> None:
        """Close connections, stop background work, save.

        Raises: OSError when the last state could not be saved.
        """
        await self.sockets.disconnect(None, "link_disabled")
        await self.deliveries.close()
        if self._keeper is not None and self.folder is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
            snapshot.save(self.world, self.folder)
