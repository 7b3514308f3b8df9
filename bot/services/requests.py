"""Working on what the inbox holds: who asks, for what, may they, and the answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.domain import grammar
from bot.domain.audit import Verb
from bot.domain.commands import Command, Family, Request
from bot.domain.documents import Reply
from bot.domain.errors import BotError, Refused, RequestError, Unavailable
from bot.domain.params import Params
from bot.domain.people import Actor, Person
from bot.domain.risk import Risk
from bot.domain.runs import Origin
from bot.services.errors import explained
from bot.services.incoming import Incoming
from bot.services.people import People, may_ask
from bot.services.ports import Chat, ChatUnavailable, DeliveryKind, InboxRow, Store
from bot.services.registry import Services
from bot.services.runs import Asked

log = structlog.get_logger()

WORKING_LEASE = timedelta(seconds=60)

ActionHandler = Callable[[Request, Services], Awaitable[Reply | None]]


@dataclass(frozen=True)
class Requests:
    """Works on inbox rows; working twice on one gives the same answer, since a run's id comes from the row's."""

    store: Store
    chat: Chat
    people: People
    services: Services
    actions: Mapping[str, ActionHandler]
    owner: str

    async def work(self, inbox_id: str) -> None:
        """Answer one delivery. Raises: ChatUnavailable, Unavailable - it is then worked on again."""
        async with self.store.work() as work:
            row = await work.inbox.claim(inbox_id, self.owner, WORKING_LEASE)
        if row is None:
            return
        try:
            reply = await self._answered(row)
        except (ChatUnavailable, Unavailable):
            async with self.store.work() as work:
                await work.inbox.let_go(inbox_id, self.owner)
            raise
        async with self.store.work() as work:
            await work.inbox.finish(inbox_id, reply.document.summary if reply else "")

    async def _answered(self, row: InboxRow) -> Reply | None:
        incoming = Incoming.model_validate(dict(row.delivery.payload))
        reply = await self._reply(row, incoming)
        if reply is not None:
            await self._send(row, incoming, reply)
        return reply

    async def _reply(self, row: InboxRow, incoming: Incoming) -> Reply | None:
        actor = self.people.actor(incoming.user, incoming.team)
        try:
            return await self._answer(row, incoming, actor)
        except (ChatUnavailable, Unavailable):
            raise
        except Refused as error:
            await self._audit_refusal(incoming, actor, error)
            return Reply(explained(error, request=row.id))
        except Exception as error:  # noqa: BLE001 - the one place where errors become replies
            return Reply(explained(error, request=row.id))

    async def _answer(self, row: InboxRow, incoming: Incoming, actor: Actor) -> Reply | None:
        person = await self.people.look(incoming.user)
        if incoming.kind in (DeliveryKind.COMMAND, DeliveryKind.MENTION):
            return await self._command(row, incoming, actor, person)
        if incoming.kind is DeliveryKind.ACTION:
            return await self._action(row, incoming, actor, person)
        if incoming.kind is DeliveryKind.SUBMISSION:
            return await self._submission(row, incoming, actor, person)
        return None

    async def _command(self, row: InboxRow, incoming: Incoming, actor: Actor, person: Person) -> Reply | None:
        words = grammar.split(incoming.text)
        family, command, rest = resolve(self.services, words)
        self._must_be_here(family, incoming.channel)
        may_ask(person, command.risk)
        model = self.services.catalog.parameters(command)
        params = grammar.fill(model, grammar.take_apart(rest), command.positional)
        if command.sensitive:
            details = {"words": " ".join(words)}
            await self.services.trail.record(actor, Verb.COMMAND_RECEIVED, f"{family.name} {command.verb}", details)
        return await command.handler(_request(row, incoming, actor, person, params), self.services)

    def _must_be_here(self, family: Family, channel: str) -> None:
        """Raises: RequestError naming the right channel."""
        places = self.services.places
        if not places.allows(family, channel):
            name = f"{places.command} {family.name}"
            raise RequestError(f"{name} does not work in this channel.", channels=places.alerts)

    async def _action(self, row: InboxRow, incoming: Incoming, actor: Actor, person: Person) -> Reply | None:
        handler = self.actions.get(incoming.action)
        if handler is None:
            raise RequestError("This button is from another version of the bot.", hint="Ask for the thing again.")
        may_ask(person, Risk.ROUTINE)
        return await handler(_request(row, incoming, actor, person, incoming.value), self.services)

    async def _submission(self, row: InboxRow, incoming: Incoming, actor: Actor, person: Person) -> Reply | None:
        runbook = self.services.runs.runbook(incoming.value)
        may_ask(person, runbook.risk)
        params = grammar.validated(runbook.params, incoming.values)
        asked = Asked(row.id, actor, Origin(incoming.channel, incoming.thread))
        await self.services.runs.request(runbook.name, params, asked)
        return None

    async def _audit_refusal(self, incoming: Incoming, actor: Actor, error: BotError) -> None:
        subject = incoming.text or incoming.action or incoming.value
        details = {"why": str(error), "channel": incoming.channel}
        await self.services.trail.record(actor, Verb.COMMAND_REFUSED, subject, details)

    async def _send(self, row: InboxRow, incoming: Incoming, reply: Reply) -> None:
        if incoming.kind is DeliveryKind.MENTION or reply.public:
            await self._say_once(row, incoming, reply)
        elif incoming.response_url:
            await self.chat.respond(incoming.response_url, reply.document)
        else:
            await self.chat.whisper(incoming.channel, incoming.user, incoming.thread, reply.document)

    async def _say_once(self, row: InboxRow, incoming: Incoming, reply: Reply) -> None:
        key = f"reply:{row.id}"
        if row.attempts > 1 and await self.chat.find(incoming.channel, incoming.thread, key):
            return
        await self.chat.post(incoming.channel, incoming.thread, reply.document, key)


def _request(row: InboxRow, incoming: Incoming, actor: Actor, person: Person, params: Params | str) -> Request:
    origin = Origin(incoming.channel, incoming.thread)
    return Request(row.id, actor, person, origin, incoming.text, params, incoming.values)


def resolve(services: Services, words: tuple[str, ...]) -> tuple[Family, Command, tuple[str, ...]]:
    """The command that the words name, and the words left over. Raises: RequestError with the nearest one."""
    catalog, slash = services.catalog, services.places.command
    name, rest = (words[0].lower(), words[1:]) if words else ("help", ())
    family = catalog.family(name)
    if family is None:
        near = grammar.nearest(" ".join([name, *(word.lower() for word in rest[:1])]), catalog.names())
        near = near or grammar.nearest(name, [known.name for known in catalog.families])
        raise RequestError(f"I do not know {name!r}.", hint=_did_you_mean(slash, near))
    if rest and (command := family.find(rest[0].lower())) is not None and command.verb:
        return family, command, rest[1:]
    if (command := family.find("")) is not None:
        return family, command, rest
    verbs = [command.verb for command in family.commands]
    if not rest:
        raise RequestError(f"{slash} {name} needs one of: {', '.join(verbs)}.", hint=f"For more: {slash} help {name}")
    near = grammar.nearest(rest[0], verbs)
    hint = _did_you_mean(slash, f"{name} {near}" if near else "")
    raise RequestError(f"{slash} {name} knows no {rest[0]!r}.", hint=hint)


def _did_you_mean(slash: str, near: str) -> str:
    return f"Did you mean {slash} {near}?" if near else f"{slash} help lists what there is."
