"""Messages as views: which should exist is a row, what they say is painted from the rows they show."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.domain.canonical import digest
from bot.domain.documents import Document
from bot.domain.errors import OperationFailed
from bot.domain.runs import Run
from bot.services.ports import Chat, ChatUnavailable, Posted, Store, Work
from bot.services.rows import Job, MessageRow, Wake

log = structlog.get_logger()

DRAWING_LEASE = timedelta(seconds=60)
TRY_AGAIN = timedelta(seconds=1)

Painter = Callable[[str], Awaitable[Document | None]]


def run_keys(run_id: str) -> tuple[str, str, str]:
    """The keys of a run's messages: its head, its steps, its result."""
    return f"run:{run_id}", f"run:{run_id}:steps", f"run:{run_id}:result"


async def want_run_messages(work: Work, run: Run) -> None:
    """Draw the run's messages (again) as it stands; each hangs on the one before, so that they arrive in order."""
    if not run.origin.channel:
        return
    head, steps, result = run_keys(run.id)
    rows = [MessageRow(head, run.origin.channel, thread=run.origin.thread)]
    if run.steps:
        rows.append(MessageRow(steps, run.origin.channel, parent=head))
    if run.state.is_final:
        rows.append(MessageRow(result, run.origin.channel, parent=rows[-1].key))
    copy = await work.messages.get(f"ask:{run.id}")
    await want(work, *rows, *((copy,) if copy else ()))


async def want_told(work: Work, run: Run, decision: int) -> None:
    """Tell the requester of a decision, by its place among the run's."""
    if run.origin.channel:
        await want(work, MessageRow(f"told:{run.id}:{decision}", run.origin.channel, parent=run_keys(run.id)[0]))


async def want_to_sign(work: Work, run: Run, user: str, nonce: str) -> None:
    """What somebody's wallet signs, as a file under the card that they see."""
    copy = await work.messages.get(f"ask:{run.id}")
    channel, parent = (copy.channel, copy.key) if copy else (run.origin.channel, run_keys(run.id)[0])
    if channel:
        await want(work, MessageRow(f"sign:{run.id}:{user}:{nonce}", channel, parent=parent))


async def want(work: Work, *rows: MessageRow) -> None:
    """Note messages and have them drawn once the transaction commits."""
    for row in rows:
        await work.messages.want(row)
    await work.defer(*(Wake(Job.DRAW_MESSAGE, row.key) for row in rows))


@dataclass(frozen=True)
class Messages:
    """Draws messages; `painters` maps the first word of a key to whoever knows what such a message says."""

    store: Store
    chat: Chat
    painters: Mapping[str, Painter]
    owner: str

    async def draw(self, key: str) -> None:
        """Post or update one message; when Slack is away it is tried again later."""
        async with self.store.work() as work:
            row = await work.messages.claim(key, self.owner, DRAWING_LEASE)
            if row is None:
                return  # whoever has it looks at its end what else is wanted
            place = await _place(work, row)
        try:
            retry_after = await self._draw(row, place)
        except OperationFailed as error:
            # The claim is kept until it runs out: what Slack refuses now is tried again at that pace.
            log.exception("message.refused_by_slack", key=key, **error.facts)
            return
        except BaseException:
            # Let go at once: the job's retry need not wait until the claim runs out.
            async with self.store.work() as work:
                await work.messages.let_go(key)
            raise
        async with self.store.work() as work:
            # One wake-up, however much was wanted meanwhile: with Slack away, they would become more and more.
            if await work.messages.let_go(key, retry_after):
                at = None if retry_after is None else await work.now() + retry_after
                await work.defer(Wake(Job.DRAW_MESSAGE, key, at=at))

    async def _draw(self, row: MessageRow, place: str | None) -> timedelta | None:
        """Draw a claimed row into its thread; answers how long to wait when it could not be done now."""
        if place is None:
            return TRY_AGAIN
        document = await self.painters[row.key.split(":", 1)[0]](row.key)
        look = digest(document) if document else ""
        if document is None or (row.ts and row.drawn == look):
            async with self.store.work() as work:
                await work.messages.shown(row.key)
            return None
        try:
            posted = await self._send(row, place, document)
        except ChatUnavailable as error:
            log.warning("message.delayed", key=row.key, error=str(error), retry_after=error.retry_after.total_seconds())
            return error.retry_after
        async with self.store.work() as work:
            await work.messages.drawn(row.key, posted.ts, look)
        return None

    async def _send(self, row: MessageRow, thread: str, document: Document) -> Posted:
        if row.ts:
            return await self._update(Posted(row.channel, row.ts), document, row.key)
        if row.posting:
            # An earlier post was tried and its end is not known: look before posting again.
            found = await self.chat.find(row.channel, thread, row.key)
            if found is not None:
                return await self._update(found, document, row.key)
        async with self.store.work() as work:
            await work.messages.posting(row.key)
        return await self.chat.post(row.channel, thread, document, row.key)

    async def _update(self, posted: Posted, document: Document, key: str) -> Posted:
        await self.chat.update(posted, document, key)
        return posted


async def _place(work: Work, row: MessageRow) -> str | None:
    """The thread a message belongs in ("" is the channel itself); None while what it hangs on is not posted."""
    above = row
    while above.parent:
        parent = await work.messages.get(above.parent)
        if parent is None or not parent.ts:
            return None
        above = parent
    return above.thread or (above.ts if above.key != row.key else "")
