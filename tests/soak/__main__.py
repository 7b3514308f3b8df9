"""`python -m tests.soak --kills 200 --seed 7`: the long form of the proof; anything that was found is exit code 1."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.product import Product
from tests.soak.story import Length, prove


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak-crash ARGS=...", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many workers are killed at least")
    parser.add_argument("--seed", type=int, default=None, help="what all moments are drawn from; printed when left out")
    parser.add_argument("--minutes", type=float, default=60, help="no new torment after that")
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--lease-seconds", type=float, default=20, help="the bot's own default is 20")
    parser.add_argument("--pace-seconds", type=float, default=2, help="between two blows")
    parser.add_argument("--ask-every-seconds", type=float, default=6, help="between two backups that people ask for")
    parser.add_argument("--keep", action="store_true", help="leave every log in its folder")
    asked = parser.parse_args()
    seed = int(time.time()) % 10_000 if asked.seed is None else asked.seed
    length = Length(
        kills=asked.kills,
        seed=seed,
        seconds=asked.minutes * 60,
        replicas=asked.replicas,
        lease_seconds=asked.lease_seconds,
        pace_seconds=asked.pace_seconds,
        ask_every_seconds=asked.ask_every_seconds,
    )
    say(f"seed {seed}")
    folder = Path(tempfile.mkdtemp(prefix="takumi-soak-"))
    folder.chmod(0o711)
    try:
        return asyncio.run(run(folder, length))
    finally:
        if asked.keep:
            say(f"logs: {folder}")
        else:
            shutil.rmtree(folder)


async def run(folder: Path, length: Length) -> int:
    product = Product(folder / "product")
    try:
        await product.start()
        report = await prove(product, length, say)
    finally:
        left = await product.stop()
    for finding in [*report.verdict.findings, *report.late, *report.notes, *(f"process {pid} is left" for pid in left)]:
        say(f"FOUND {finding}")
    say(report.line)
    return 0 if report.is_clean and not left else 1


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
