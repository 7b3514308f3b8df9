"""The world on disk: one JSON file, replaced whole, so that a restart goes on where it stopped."""

import asyncio
import os
from pathlib import Path

from demo.workspace import Json
from demo.workspace.state.world import World, WorldState

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
    """Write aside, flush, then rename: a crash leaves the old snapshot or the new one, never half."""
    world.state.clock_offset = world.clock.offset
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / "workspace.json.new"
    with aside.open("w", encoding="utf-8") as file:
        file.write(world.state.model_dump_json())
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
        """Until cancelled."""
        try:
            while True:
                await self._dirty.wait()
                await asyncio.sleep(SETTLE_SECONDS)
                self._dirty.clear()
                save(self._world, self._folder)
        finally:
            save(self._world, self._folder)
