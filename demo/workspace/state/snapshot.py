"""The world on disk: one JSON file, replaced whole, so that a restart goes on where it stopped."""

import asyncio
import logging
import os
from pathlib import Path

from demo.workspace import Json
from demo.workspace.state.world import World, WorldState

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.3
"""Changes within this time are written together."""


def load(folder: Path | None) -> World:
    """The world kept in `folder`, or a new one.

    Raises: ValueError naming the file when it cannot be understood; it is left as it is.
    """
    path = folder / "workspace.json" if folder else None
    if path is None or not path.exists():
        return World(None, folder)
    try:
        return World(WorldState.model_validate_json(path.read_bytes()), folder)
    except ValueError as error:
        raise ValueError(f"{path} is not a workspace snapshot; move it away to start afresh: {error}") from error


def save(world: World, folder: Path) -> None:
    """Raises: OSError."""
    write(serialized(world), folder)


def serialized(world: World) -> str:
    world.state.clock_offset = world.clock.offset
    return world.state.model_dump_json()


def write(text: str, folder: Path) -> None:
    """Write aside, flush, then rename: a crash leaves the old snapshot or the new one, never half."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / "workspace.json.new"
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder / "workspace.json")


class Keeper:
    """Saves the world shortly after it changed, and once more at the end."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world, self._folder = world, folder
        self._dirty = asyncio.Event()
        world.listeners.append(self._note)

    def _note(self, _: Json) -> None:
        self._dirty.set()

    async def run(self) -> None:
        """Until cancelled. A full disk is logged and tried again with the next change: talk goes on meanwhile."""
        while True:
            await self._dirty.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._dirty.clear()
            try:
                await asyncio.to_thread(write, serialized(self._world), self._folder)
            except OSError:
                log.exception("the workspace could not be saved in %s", self._folder)
