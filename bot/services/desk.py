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
from bot.services import launcher
from bot.services.actions import ACTIONS, SUBMISSIONS, ActionHandler
from bot.services.forms import form_of, without_beside
from bot.services.incoming import Incoming
from bot.services.launcher import launcher_form
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
        alerts = self.services.places.alerts
        request = _request(request_id, incoming, actor, person, alerts[0] if alerts else "")
        if incoming.kind in (DeliveryKind.COMMAND, DeliveryKind.MENTION):
            return await self._command(request, incoming.opened_view)
        if incoming.kind is DeliveryKind.ACTION:
            return await self._action(request, incoming.action)
        if incoming.kind is DeliveryKind.SUBMISSION and incoming.action == launcher.CALLBACK:
            return await self._launched(request)
        if incoming.kind is DeliveryKind.SUBMISSION:
            return await self._submission(request, incoming.action)
        return None

    async def _launched(self, request: Request) -> Reply | None:
        """What was chosen in the launcher: a runbook's form, or the answer to a command."""
        kind, name = launcher.chosen(request.values)
        if kind == launcher.RUNBOOK:
            return await self._form(name, request, {})
        return await self._command(replace(request, words=name, values={}), "")

    async def _command(self, request: Request, opened_view: str) -> Reply | None:
        places = self.services.places
        words = grammar.split(request.words)
        if opened_view and not words:
            return self._launcher(request)
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

    def _launcher(self, request: Request) -> Reply:
        form = launcher_form(self.services.catalog, request.person, request.origin)
        return Reply(Document("Choose in the modal."), form=form)

    async def _action(self, request: Request, action: str) -> Reply | None:
        if action == launcher.OPEN:
            return self._launcher(request)
        may_ask(request.person, Risk.ROUTINE)
        if action == "runbook.open":
            name, *fields = str(request.params).split("|")
            initial = dict(field.split("=", 1) for field in fields if "=" in field)
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


def _request(request_id: str, incoming: Incoming, actor: Actor, person: Person, home: str) -> Request:
    """What is asked for in the Home tab, which is in no channel, happens in `home`."""
    origin = Origin(incoming.channel or home, incoming.thread)
    return Request(request_id, actor, person, origin, incoming.text, incoming.value, incoming.values)


def set_aside(words: grammar.Words) -> tuple[grammar.Words, Mapping[str, str]]:
    """The words of a command, and apart from them what belongs to the request itself."""
    own, beside = without_beside(words.named)
    return grammar.Words(words.positional, own), beside
