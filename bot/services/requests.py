"""Working on what the inbox holds, and answering it once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.domain.audit import Verb
from bot.domain.documents import Document, Reply, Text
from bot.domain.errors import BotError, OperationFailed, Refused, Unavailable
from bot.domain.people import Actor
from bot.services import traces
from bot.services.answers import answering
from bot.services.desk import Desk
from bot.services.errors import explained
from bot.services.home import HOME, Home
from bot.services.incoming import Incoming
from bot.services.people import People
from bot.services.ports import Chat, ChatUnavailable, Store
from bot.services.rows import DeliveryKind, InboxRow
from bot.services.trail import Trail

log = structlog.get_logger()

# Short, so that a dead worker's requests are taken up soon, and renewed as long as somebody is at work.
WORKING_LEASE = timedelta(seconds=20)
_DECISIONS = ("run.approve", "run.deny", "run.prove", "run.sign", "run.signed")


@dataclass(frozen=True)
class Requests:
    """Works on inbox rows; working twice on one gives the same answer, since a run's id comes from the row's."""

    store: Store
    chat: Chat
    people: People
    trail: Trail
    desk: Desk
    owner: str

    async def work(self, inbox_id: str) -> None:
        """Answer one delivery. Raises: ChatUnavailable, Unavailable - it is then worked on again."""
        async with self.store.work() as work:
            row = await work.inbox.claim(inbox_id, self.owner, WORKING_LEASE)
        if row is None:
            return
        try:
            async with self._kept(inbox_id):
                with traces.request(f"slack {row.delivery.kind}", row.id, _about(row), row.received_at):
                    reply = await self._answered(row)
        except (ChatUnavailable, Unavailable):
            async with self.store.work() as work:
                await work.inbox.let_go(inbox_id, self.owner)
            raise
        async with self.store.work() as work:
            await work.inbox.finish(inbox_id, reply.document.summary if reply else "")

    @asynccontextmanager
    async def _kept(self, inbox_id: str) -> AsyncIterator[None]:
        """Renew our claim until the block ends: a look-up may read a dump of many gigabytes."""
        renewing = asyncio.create_task(self._renew(inbox_id))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _renew(self, inbox_id: str) -> None:
        while True:
            await asyncio.sleep(WORKING_LEASE.total_seconds() / 3)
            with suppress(Unavailable):
                async with self.store.work() as work:
                    await work.inbox.renew(inbox_id, self.owner, WORKING_LEASE)

    async def _answered(self, row: InboxRow) -> Reply | None:
        incoming = Incoming.model_validate(dict(row.delivery.payload))
        reply = await self._reply(row, incoming)
        if reply is not None:
            await self._deliver(row, incoming, reply)
        return reply

    async def _deliver(self, row: InboxRow, incoming: Incoming, reply: Reply) -> None:
        """What Slack refuses (a channel that is gone, an address that expired) it would refuse the next time, too."""
        try:
            await self._send(row, incoming, reply)
        except OperationFailed as error:
            log.warning("reply.refused_by_slack", inbox=row.id, error=str(error), **error.facts)

    async def _reply(self, row: InboxRow, incoming: Incoming) -> Reply | None:
        actor = self.people.actor(incoming.user, incoming.team)
        try:
            person = await self.people.look(incoming.user)
            await self.trail.note_name(actor.principal, person.name)
            with answering(row):
                if incoming.action in HOME:
                    return Reply(await Home(self.desk.services, self.chat).page(actor, person))
                return await self.desk.answer(row.id, incoming, actor, person)
        except (ChatUnavailable, Unavailable):
            raise
        except Exception as error:  # noqa: BLE001 - the one place where errors become replies
            return await self._reply_to_error(row, incoming, actor, error)

    async def _reply_to_error(self, row: InboxRow, incoming: Incoming, actor: Actor, error: Exception) -> Reply:
        """What was refused because this very request has had its effect before is told as it was then."""
        async with self.store.work() as work:
            now = await work.inbox.get(row.id)
        if now is not None and now.answer:
            return Reply(Document(now.answer, [Text(now.answer)]))
        if isinstance(error, Refused):
            await self._audit_refusal(incoming, actor, error)
        return Reply(explained(error, request=row.id))

    async def _audit_refusal(self, incoming: Incoming, actor: Actor, error: BotError) -> None:
        subject = incoming.text or incoming.action or incoming.value
        details = {"why": str(error), "channel": incoming.channel, "about": incoming.value}
        verb = Verb.APPROVAL_REFUSED if incoming.action in _DECISIONS else Verb.COMMAND_REFUSED
        await self.trail.record(actor, verb, subject, details)

    async def _send(self, row: InboxRow, incoming: Incoming, reply: Reply) -> None:
        if incoming.action in HOME:
            await self.chat.show_home(incoming.user, reply.document)
            return
        if incoming.opened_view and await self._fill(incoming.opened_view, reply):
            return
        if not reply.private and (incoming.kind is DeliveryKind.MENTION or reply.public):
            await self._say_once(row, incoming, reply.document)
        elif incoming.response_url:
            await self.chat.respond(incoming.response_url, incoming.user, reply.document)
        else:
            await self.chat.whisper(incoming.channel, incoming.user, incoming.thread, reply.document)

    async def _fill(self, view: str, reply: Reply) -> bool:
        """Fill the modal that was opened as "loading"; False when it is not there (any more)."""
        try:
            await self.chat.fill_modal(view, reply.form or reply.document)
        except OperationFailed:
            return False
        return True

    async def _say_once(self, row: InboxRow, incoming: Incoming, document: Document) -> None:
        key = f"reply:{row.id}"
        if row.attempts > 1 and await self.chat.find(incoming.channel, incoming.thread, key):
            return
        await self.chat.post(incoming.channel, incoming.thread, document, key)


def _about(row: InboxRow) -> str:
    """The id of the run that a button or a modal is of; empty for everything else."""
    action, value = str(row.delivery.payload.get("action", "")), str(row.delivery.payload.get("value", ""))
    return value.partition("|")[0] if action.startswith("run.") else ""
