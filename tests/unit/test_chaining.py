"""The sequencer looks often while entries come, and seldom when none do."""

from datetime import timedelta

from bot.services.chaining import LOOK_EVERY, LOOK_WHEN_QUIET, QUIET_AFTER, Sequencer


class ChainOf:
    """A chain whose looks find so many entries, one after the other, and then none."""

    def __init__(self, *found: int) -> None:
        self.found = list(found)

    async def take(self, _owner: str, _token: str, _length: timedelta) -> bool:
        return True

    async def chain(self, _token: str, _limit: int) -> int | None:
        return self.found.pop(0) if self.found else 0


async def test_entries_quicken_the_looks_and_silence_slows_them() -> None:
    sequencer = Sequencer(ChainOf(0, 3), None, "test")  # type: ignore[arg-type] # what is asked of it here
    await sequencer._lease()
    sequencer._chained_at -= QUIET_AFTER.total_seconds()
    paces = []
    for _ in range(2):
        await sequencer._look()
        paces.append(sequencer._pace())
    sequencer._chained_at -= QUIET_AFTER.total_seconds()
    assert [*paces, sequencer._pace()] == [LOOK_WHEN_QUIET, LOOK_EVERY, LOOK_WHEN_QUIET]
