"""Many sequences of moves in little time: `make approvals`, or `python -m tests.approval_sequences --help`.

Each is made by its own seed from the moves of `tests/approval_play.py`, so that any process plays any of them, and a
failure is played again by its number alone.
"""

import argparse
import asyncio
import logging
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import structlog

from tests.approval_play import BEGINNING, MOVES, OFTEN, Choices, Play

LENGTH = 20
CHUNK = 250


class Failure(AssertionError):
    """What went wrong in a sequence, and every move that led to it."""


@dataclass(frozen=True)
class Played:
    """What sequences did; `effects` were all judged, while they happened."""

    sequences: int = 0
    moves: int = 0
    requests: int = 0
    decisions: int = 0
    effects: int = 0

    def __add__(self, other: "Played") -> "Played":
        return Played(*(mine + yours for mine, yours in zip(vars(self).values(), vars(other).values(), strict=True)))


def play_one(seed: int, number: int, loop: asyncio.AbstractEventLoop | None = None) -> Played:
    """Raises: Failure."""
    own = None if loop else asyncio.new_event_loop()
    play, told = Play(loop or own), []  # type: ignore[arg-type] - one of the two is there
    try:
        for name, arguments in moves_of(seed, number):
            told.append(f"{len(told) + 1}. {name} {arguments}")
            getattr(play, name)(**arguments)
            play.must_be_right()
    except Exception as error:
        raise Failure(f"seed {seed}, sequence {number}: {error}\n" + "\n".join(told)) from error
    finally:
        if own:
            own.close()
    tables = [world.store._tables for world in play.worlds.values()]
    return Played(
        1,
        len(told),
        sum(len(one.runs) for one in tables),
        sum(len(one.decisions) for one in tables),
        sum(len(world.done) for world in play.worlds.values()),
    )


def moves_of(seed: int, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """A beginning, then as many moves as hypothesis makes: most often twenty, sometimes few."""
    chance = random.Random(f"{seed}:{number}")  # noqa: S311 - a test's, and repeatable on purpose
    yield "begin", _chosen(chance, BEGINNING)
    names = [name for name in MOVES for _ in range(OFTEN.get(name, 1))]
    for _ in range(chance.choice((LENGTH, LENGTH, chance.randint(1, LENGTH)))):
        name = chance.choice(names)
        yield name, _chosen(chance, MOVES[name])


def _chosen(chance: random.Random, choices: Choices) -> dict[str, Any]:
    return {name: chance.choice(values) for name, values in choices.items()}


def play_chunk(seed: int, numbers: Sequence[int]) -> Played:
    """In a process of its own, which says nothing of what is refused. Raises: Failure."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return play_many(seed, numbers)


def play_many(seed: int, numbers: Sequence[int]) -> Played:
    """Raises: Failure."""
    loop, played = asyncio.new_event_loop(), Played()
    try:
        for number in numbers:
            played += play_one(seed, number, loop)
    finally:
        loop.close()
    return played


def play_all(seed: int, numbers: range, processes: int) -> Played:
    """Raises: Failure, the first there is."""
    chunks = [numbers[first : first + CHUNK] for first in range(0, len(numbers), CHUNK)]
    total, began = Played(), time.monotonic()
    with ProcessPoolExecutor(processes) as pool:
        for played in pool.map(play_chunk, repeat(seed), chunks):
            total += played
            _tell(total, len(numbers), time.monotonic() - began)
    return total


def _tell(total: Played, sequences: int, seconds: float) -> None:
    if sys.stderr.isatty() or total.sequences % (20 * CHUNK) == 0:
        sys.stderr.write(
            f"{total.sequences:,} of {sequences:,} sequences, {total.effects:,} effects judged, {seconds:,.0f} s\n"
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.approval_sequences", description=__doc__)
    parser.add_argument("--sequences", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--first", type=int, default=0, help="go on from this one, with the seed of an earlier run")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--only", type=int, help="play this one sequence again")
    asked = parser.parse_args()
    began = time.monotonic()
    try:
        if asked.only is not None:
            total = play_chunk(asked.seed, [asked.only])
        else:
            total = play_all(asked.seed, range(asked.first, asked.sequences), asked.processes)
    except Failure as failure:
        sys.stderr.write(f"{failure}\nPlay it again: --seed {asked.seed} --only <its number>\n")
        return 1
    told = ", ".join(f"{count:,} {name}" for name, count in vars(total).items())
    sys.stdout.write(f"{told}: no rule was broken. Seed {asked.seed}, {time.monotonic() - began:,.0f} s.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
