"""A process with sixteen writers of the trail: `python -m tests.integration.trail_writer URL NAME`, until SIGTERM.

Every subject that was committed is a line of its output; the numbers that were taken and not used are void at the end.
"""

import asyncio
import signal
import sys
from datetime import timedelta

from bot.domain.errors import BotError, Unavailable
from bot.stores import voids
from bot.stores.connections import make_pool
from bot.stores.postgres import PostgresStore
from bot.stores.signing import Writer, passing_key
from tests.builders import an_entry

WRITERS = 16
# The server that had the transaction is gone before a test ends: nothing of it can still be on its way.
voids.IN_DOUBT = timedelta(seconds=1)


async def _no_jobs(*_: object) -> None:
    """Nothing here starts work."""


async def write(store: PostgresStore, name: str, stop: asyncio.Event) -> None:
    """Entries in transactions of one to three, one of which is rolled back now and then."""
    number = 0
    while not stop.is_set():
        number += 1
        subjects = [f"{name}.{number}.{index}" for index in range(1 + number % 3)]
        try:
            async with store.work() as work:
                for subject in subjects:
                    await work.audit.record(an_entry(subject=subject))
                _refuse_every_seventh(number)
        except Unavailable:
            await asyncio.sleep(0.05)  # in doubt: neither counted nor written again
        except BotError:
            continue
        else:
            sys.stdout.write("\n".join(subjects) + "\n")


def _refuse_every_seventh(number: int) -> None:
    if number % 7 == 0:
        raise BotError("rolled back on purpose")


async def settle(store: PostgresStore) -> None:
    """Until every number is used or void."""
    while store.voids.left:
        await asyncio.sleep(0.2)
        await store.voids.declare()


async def main(url: str, name: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with make_pool(url, max_size=WRITERS) as pool:
        store = PostgresStore(pool, _no_jobs, "count(*)", writer=Writer(passing_key()))
        await store.publish_key()
        await asyncio.gather(*(write(store, f"{name}.{index}", stop) for index in range(WRITERS)))
        await settle(store)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
