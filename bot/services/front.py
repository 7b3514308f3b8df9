"""What is known before the acknowledgement: which requests open a modal, and what is wrong with a modal's fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.domain import grammar
from bot.domain.catalog import Catalog
from bot.domain.commands import Command
from bot.domain.errors import RequestError
from bot.services import launcher
from bot.services.forms import DENY, PROVE, SIGN_TITLE, SILENCE, Opening, without_beside
from bot.services.rows import DeliveryKind


@dataclass(frozen=True)
class Front:
    """Pure and quick: no look at anything outside the catalog."""

    catalog: Catalog

    def opens(self, payload: Mapping[str, Any]) -> Opening | None:
        """The modal that this request opens, if any."""
        if payload["kind"] == DeliveryKind.COMMAND:
            return self._opened_by_words(payload.get("text", ""))
        if payload.get("action") in (launcher.OPEN, launcher.CALLBACK):
            return Opening(launcher.TITLE)
        asks = {form.callback: form for form in (DENY, PROVE, SILENCE)}.get(payload.get("action", ""))
        if asks is not None and payload["kind"] == DeliveryKind.ACTION:
            about = (("value", payload.get("value", "")), ("channel", payload.get("channel", "")))
            return Opening(asks.title, replace(asks, about=about))
        if payload.get("action") == "run.sign":
            return Opening(SIGN_TITLE)
        if payload.get("action") == "runbook.open":
            loaded = self.catalog.runbooks.get(payload.get("value", "").partition("|")[0])
            return Opening(loaded.runbook.title) if loaded else None
        return None

    def _opened_by_words(self, text: str) -> Opening | None:
        """A command whose runbook needs more than was typed; nothing at all opens the launcher."""
        if not text.strip():
            return Opening(launcher.TITLE)
        # Quotes matter for parameters alone, and with parameters no modal opens.
        command = self._command(text.split())
        if command is None or not command.runbook:
            return None
        runbook = self.catalog.runbooks[command.runbook].runbook
        needs = any(field.is_required() for field in runbook.params.model_fields.values())
        return Opening(runbook.title) if needs else None

    def _command(self, words: Sequence[str]) -> Command | None:
        """The command that these words name without giving it any parameter."""
        family = self.catalog.family(words[0].lower()) if words else None
        if family is None or len(words) > 2:  # noqa: PLR2004 - family and verb
            return None
        return family.find(words[1].lower() if len(words) > 1 else "")

    def check(self, callback: str, values: Mapping[str, str], runbook: str) -> Mapping[str, str]:
        """What is wrong with the fields of a runbook's modal, by field; empty when nothing is."""
        loaded = self.catalog.runbooks.get(runbook) if callback == "runbook" else None
        if loaded is None:
            return {}
        try:
            grammar.validated(loaded.runbook.params, without_beside(values)[0])
        except RequestError as error:
            return error.fields
        return {}
