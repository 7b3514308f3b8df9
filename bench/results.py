"""What a benchmark found, as a table for people and a file for machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from rich.console import Console
from rich.table import Table

FILE = Path(".bench") / "results.json"


@dataclass(frozen=True)
class Result:
    """One name: medians of `runs` runs of both sides, taken in turn; `goal` bounds the ratio of ours to the peer's."""

    name: str
    ours: float
    peer: float
    peer_name: str
    unit: str
    ratio: float
    goal: float
    better: Literal["higher", "lower"]
    runs: int

    @property
    def met(self) -> bool:
        return self.ratio >= self.goal if self.better == "higher" else self.ratio <= self.goal


@dataclass(frozen=True)
class Compared:
    """What is compared with what, before anything was measured."""

    name: str
    peer_name: str
    unit: str
    goal: float
    better: Literal["higher", "lower"]

    def result(self, ours: Sequence[float], peer: Sequence[float]) -> Result:
        mine, theirs = median(ours), median(peer)
        return Result(
            self.name,
            round(mine, 3),
            round(theirs, 3),
            self.peer_name,
            self.unit,
            round(mine / theirs, 3),
            self.goal,
            self.better,
            len(ours),
        )


def show(results: Sequence[Result]) -> None:
    """The table; a goal that is missed is said, never hidden."""
    table = Table("name", "ours", "peer", "unit", "ratio", "goal", "met", title="bench")
    for one in results:
        bound = f"at {'least' if one.better == 'higher' else 'most'} {one.goal:g}"
        numbers = (f"{one.ours:g}", f"{one.peer:g}", one.unit, f"{one.ratio:g}", bound)
        table.add_row(one.name, *numbers, "yes" if one.met else "NO")
    console = Console()
    console.print(table)
    for peer in sorted({one.peer_name for one in results}):
        names = ", ".join(one.name for one in results if one.peer_name == peer)
        console.print(f"The peer of {names}: {peer}.")


def write(results: Sequence[Result], file: Path = FILE) -> None:
    """Results of other names stay in the file, so that `--only` does not forget them."""
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    new = {one.name for one in results}
    rows = [row for row in kept if row["name"] not in new] + [asdict(one) for one in results]
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(sorted(rows, key=lambda row: str(row["name"])), indent=1) + "\n", encoding="utf-8")
