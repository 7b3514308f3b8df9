"""What is known before the acknowledgement: which words open a modal, and what is wrong with a modal's fields."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain import grammar
from bot.domain.catalog import Catalog
from bot.domain.commands import Command
from bot.domain.errors import RequestError


@dataclass(frozen=True)
class Front:
    """Pure and quick: no look at anything outside the catalog."""

    catalog: Catalog

    def wants_modal(self, text: str) -> str:
        """The title of the modal that these words open: a command whose runbook needs more than was typed."""
        try:
            words = grammar.split(text)
        except RequestError:
            return ""
        command = self._command(words)
        if command is None or not command.runbook:
            return ""
        needs = self.catalog.parameters(command).model_fields.values()
        return command.summary if any(field.is_required() for field in needs) else ""

    def _command(self, words: tuple[str, ...]) -> Command | None:
        """The command that these words name without giving it any parameter."""
        family = self.catalog.family(words[0].lower()) if words else None
        if family is None or len(words) > 2:  # noqa: PLR2004 - family and verb
            return None
        return family.find(words[1].lower() if len(words) > 1 else "")

    def check(self, values: Mapping[str, str], runbook: str) -> Mapping[str, str]:
        """What is wrong with the fields of a runbook's modal, by field; empty when nothing is."""
        loaded = self.catalog.runbooks.get(runbook)
        if loaded is None:
            return {}
        try:
            grammar.validated(loaded.runbook.params, values)
        except RequestError as error:
            return error.fields
        return {}
