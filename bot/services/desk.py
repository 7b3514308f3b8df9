"""Understanding one request and giving it to whoever answers it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.domain import grammar
from bot.domain.audit import Verb
from bot.domain.commands import Command, Family, Request
from bot.domain.documents import Document, Reply
from bot.domain.errors import RequestError
from bot.domain.people import Actor, Person
from bot.domain.risk import Risk
from bot.domain.runs import Origin
from bot.services.actions import ACTIONS, SUBMISSIONS, ActionHandler
from bot.services.forms import form_of, without_beside
from bot.services.incoming import Incoming
from bot.services.people import may_ask
from bot.services.ports import Tools
from bot.services.registry import Services
from bot.services.resolution import resolve
from bot.services.rows import DeliveryKind
from bot.services.runs import asked_by

OTHER_VERSION = "This button is from another version of the bot."


@dataclass(frozen=True)
class Desk:
    """Everything here raises RequestError, Refused or OperationFailed for what cannot be done as asked."""

    services: Services
    tools: Tools
    actions: Mapping[str, ActionHandler]
    submissions: Mapping[str, ActionHandler]

    async def answer(self, request_id: str, incoming: Incoming, actor: Actor, person: Person) -> Reply | None:
        """The reply to one request; None when a run's own thread is the answer."""
        request = _request(request_id, incoming, actor, person)
        if incoming.kind in (DeliveryKind.COMMAND, DeliveryKind.MENTION):
            return await self._command(request, incoming.opened_view)
        if incoming.kind is DeliveryKind.ACTION:
            return await self._action(request, incoming.action)
        if incoming.kind is DeliveryKind.SUBMISSION:
            return await self._submission(request, incoming.action)
        return None

    async def _command(self, request: Request, opened_view: str) -> Reply | None:
        places = self.services.places
        words = grammar.split(request.words)
        family, command, rest = resolve(self.services.catalog, places.command, words)
        self._must_be_here(family, request.origin.channel)
        may_ask(request.person, command.risk)
        if opened_view:
            return await self._form(command.runbook, request, {})
        typed, beside = set_aside(self._words(command, rest))
        params = grammar.fill(self.services.catalog.parameters(command), typed, command.positional)
        if command.sensitive:
            subject, details = f"{family.name} {command.verb}".strip(), {"words": request.words}
            await self.services.trail.record(request.actor, Verb.COMMAND_RECEIVED, subject, details)
        return await command.handler(replace(request, params=params, values=beside), self.services)

    def _words(self, command: Command, rest: tuple[str, ...]) -> grammar.Words:
        has_sentence = grammar.SENTENCE in self.services.catalog.parameters(command).model_fields
        return grammar.take_apart(rest, (grammar.SENTENCE,) if has_sentence else ())

    def _must_be_here(self, family: Family, channel: str) -> None:
        """Raises: RequestError naming the right channel."""
        places = self.services.places
        if not places.allows(family, channel):
            name = f"{places.command} {family.name}"
            raise RequestError(f"{name} does not work in this channel.", channels=places.alerts)

    async def _form(self, runbook_name: str, request: Request, initial: Mapping[str, str]) -> Reply:
        runbook = self.services.runs.runbook(runbook_name)
        may_ask(request.person, runbook.risk)
        glass = runbook.name in self.services.approvals.rules.glass_runbooks
        form = await form_of(runbook, self.tools, request.origin, initial, glass=glass)
        return Reply(Document(f"The form of {runbook.title} is open."), form=form)

    async def _action(self, request: Request, action: str) -> Reply | None:
        may_ask(request.person, Risk.ROUTINE)
        if action == "runbook.open":
            name, _, field = str(request.params).partition("|")
            initial = dict([field.split("=", 1)]) if "=" in field else {}
            return await self._form(name, request, initial)
        handler = self.actions.get(action)
        if handler is None:
            raise RequestError(OTHER_VERSION, hint="Ask for the thing again.")
        return await handler(request, self.services)

    async def _submission(self, request: Request, callback: str) -> Reply | None:
        may_ask(request.person, Risk.ROUTINE)
        if callback == "runbook":
            runbook = self.services.runs.runbook(str(request.params))
            own, _ = without_beside(request.values)
            params = grammar.validated(runbook.params, own)
            await self.services.runs.request(runbook.name, params, asked_by(request))
            return None
        handler = self.submissions.get(callback)
        if handler is None:
            raise RequestError(OTHER_VERSION, hint="Ask for the thing again.")
        return await handler(request, self.services)


def desk(services: Services, tools: Tools) -> Desk:
    """With the actions and submissions that there are."""
    return Desk(services, tools, ACTIONS, SUBMISSIONS)


def _request(request_id: str, incoming: Incoming, actor: Actor, person: Person) -> Request:
    origin = Origin(incoming.channel, incoming.thread)
    return Request(request_id, actor, person, origin, incoming.text, incoming.value, incoming.values)


def set_aside(words: grammar.Words) -> tuple[grammar.Words, Mapping[str, str]]:
    """The words of a command, and apart from them what belongs to the request itself."""
    own, beside = without_beside(words.named)
    return grammar.Words(words.positional, own), beside
