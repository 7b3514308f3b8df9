"""Who chains the trail and puts its heads outside: one process at a time, taken over when it dies."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import uuid4

import structlog

from bot.domain.chain import ANCHOR_EVERY
from bot.domain.errors import BotError, Unavailable

log = structlog.get_logger()

Look = Callable[[], Awaitable[None]]

LEASE = timedelta(seconds=5)
# Often while entries come, for intents wait for it; an idle bot would spend a tenth of a core on looking so often.
LOOK_EVERY = timedelta(milliseconds=50)
LOOK_WHEN_QUIET = timedelta(milliseconds=250)
QUIET_AFTER = timedelta(seconds=5)
LOOK_FOR_ANCHOR_EVERY = timedelta(milliseconds=250)
BATCH_SIZE = 2048
BATCHES_AN_ANCHOR = 256
MONTHS_AHEAD = 3


@dataclass(frozen=True)
class Batch:
    """A signed head (its canonical text, the signature in hex) with the hashes of its entries."""

    number: int
    head: str
    signature: str
    hashes: tuple[bytes, ...]

    def as_text(self) -> str:
        """As it lies outside: two lines."""
        return f"H {self.signature} {self.head}\nL {''.join(one.hex() for one in self.hashes)}\n"


class Chain(Protocol):
    """The trail as its sequencer sees it. All raise: Unavailable."""

    async def take(self, owner: str, token: str, length: timedelta) -> bool:
        """Become the sequencer, or stay it; False while another one is."""
        ...

    async def chain(self, token: str, limit: int) -> int | None:
        """Chain at most so many committed entries; None when the lease is not ours."""
        ...

    async def publish_key(self) -> None: ...

    async def make_months(self, ahead: int) -> None: ...

    async def is_anchor_due(self, every: timedelta) -> bool: ...

    async def unanchored(self, limit: int) -> Sequence[Batch]:
        """The oldest batches that are not outside yet."""
        ...

    async def note_anchor(self, last_batch: int, name: str) -> None: ...

    async def note_trouble(self, why: str) -> None: ...


class AnchorPlace(Protocol):
    """Somewhere outside, where what was put stays as it was for a long time. Raises: OperationFailed."""

    async def put(self, name: str, text: str) -> None:
        """Put it there, and look that it is there; the same again is harmless."""
        ...


def anchor_name(batches: Sequence[Batch]) -> str:
    """Names sort in the order of the chain."""
    return f"{batches[0].number:012d}-{batches[-1].number:012d}"


class Sequencer:
    """Chains while it has the lease; `place` is None where no anchors are configured."""

    def __init__(self, chain: Chain, place: AnchorPlace | None, owner: str) -> None:
        self._chain, self._place, self._owner = chain, place, owner
        self._token = uuid4().hex
        self._is_ours = False
        self._chained_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, whatever happens to the database: what failed is done at the next look."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat("chain", self._look, stop, self._pace))
            group.create_task(self._repeat("lease", self._lease, stop, lambda: LEASE / 3))
            group.create_task(self._repeat("months", self._prepare, stop, lambda: timedelta(hours=6)))
            if self._place is not None:
                group.create_task(self._repeat("anchor", self.anchor, stop, lambda: LOOK_FOR_ANCHOR_EVERY))

    def _pace(self) -> timedelta:
        quiet_seconds = asyncio.get_running_loop().time() - self._chained_at
        return LOOK_EVERY if quiet_seconds < QUIET_AFTER.total_seconds() else LOOK_WHEN_QUIET

    async def _repeat(self, what: str, look: Look, stop: asyncio.Event, every: Callable[[], timedelta]) -> None:
        while not stop.is_set():
            at_least = timedelta()
            try:
                await look()
            except Unavailable as error:
                log.warning("sequencer.no_answer", what=what, told=str(error), **error.facts)
                at_least = timedelta(seconds=1)
            except Exception as error:
                log.exception("sequencer.failed", what=what, error=str(error))
                at_least = timedelta(seconds=5)
            wait = max(every(), at_least)
            with suppress(TimeoutError):
                jitter = random.uniform(0.8, 1.2)  # noqa: S311 - so that replicas do not move together
                await asyncio.wait_for(stop.wait(), wait.total_seconds() * jitter)

    async def _lease(self) -> None:
        was_ours, self._is_ours = self._is_ours, await self._chain.take(self._owner, self._token, LEASE)
        if self._is_ours and not was_ours:
            log.info("sequencer.began", owner=self._owner)

    async def _look(self) -> None:
        """Chain until nothing is left."""
        while self._is_ours:
            chained = await self._chain.chain(self._token, BATCH_SIZE)
            if chained is None:
                self._is_ours = False
            if not chained:
                return
            self._chained_at = asyncio.get_running_loop().time()

    async def _prepare(self) -> None:
        await self._chain.publish_key()
        await self._chain.make_months(MONTHS_AHEAD)

    async def anchor(self) -> None:
        """Put outside what is due; two that do so at once put the same."""
        if self._place is None or not self._is_ours or not await self._chain.is_anchor_due(ANCHOR_EVERY):
            return
        while batches := await self._chain.unanchored(BATCHES_AN_ANCHOR):
            try:
                await self._place.put(anchor_name(batches), "".join(batch.as_text() for batch in batches))
            except BotError as error:
                log.warning("anchor.not_put", told=str(error), **error.facts)
                await self._chain.note_trouble(str(error))
                await asyncio.sleep(1)
                return
            await self._chain.note_anchor(batches[-1].number, anchor_name(batches))
