"""`python -m bench [--only NAME]`: run the benchmarks, print the table, write `.bench/results.json`."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bench import ack, alerts, audit, backup, million, physical, reply, restore, run_start
from bench.results import Result, show, write

BENCHES: Mapping[str, Callable[[], Awaitable[Sequence[Result]]]] = {
    "ack": ack.run,
    "alerts": alerts.run,
    "audit": audit.run,
    "backup": backup.run,
    "audit.million": million.run,
    "physical": physical.run,
    "reply": reply.run,
    "restore": restore.run,
    "run.start": run_start.run,
}

# Takes many minutes: only when asked for.
ALONE = {"audit.million"}


async def measure(names: Sequence[str]) -> list[Result]:
    """Everything in one run, one after the other."""
    return [result for name in names for result in await BENCHES[name]()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=sorted(BENCHES), help="run this part alone")
    asked = parser.parse_args().only
    results = asyncio.run(measure([asked] if asked else [name for name in BENCHES if name not in ALONE]))
    show(results)
    write(results)


if __name__ == "__main__":
    main()
