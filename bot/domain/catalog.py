"""What the bot can do: the command families and the runbooks that were found at the start."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.canonical import digest
from bot.domain.commands import Command, Family
from bot.domain.params import NoParams, Params
from bot.domain.plans import Plan
from bot.domain.runbooks import Runbook


@dataclass(frozen=True)
class Loaded:
    """A runbook with the hash of the module it came from."""

    runbook: Runbook
    source_sha256: str

    def definition(self, plan: Plan) -> str:
        """What a worker must share to execute the plan: the module's text and the described steps."""
        return digest({"source": self.source_sha256, "steps": plan.described()["steps"]})


@dataclass(frozen=True)
class Catalog:
    """Families in the order of their names, runbooks by name."""

    families: tuple[Family, ...]
    runbooks: Mapping[str, Loaded]

    def family(self, name: str) -> Family | None:
        return next((family for family in self.families if family.name == name), None)

    def every_command(self) -> tuple[tuple[Family, Command], ...]:
        return tuple((family, command) for family in self.families for command in family.commands)

    def names(self) -> tuple[str, ...]:
        """Every `family verb`, for "did you mean"."""
        return tuple(f"{family.name} {command.verb}".strip() for family, command in self.every_command())

    def parameters(self, command: Command) -> type[Params]:
        """What is typed after a command: its own model, or that of the runbook which it starts."""
        own = command.params is not NoParams or not command.runbook
        return command.params if own else self.runbooks[command.runbook].runbook.params
