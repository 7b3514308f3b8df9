"""No entry, no action: what has to be provable before anything is changed, and saying loudly when it is not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.domain.chain import TrailState, reason_closed
from bot.domain.documents import Document, Text
from bot.domain.errors import OperationFailed, Refused, Unavailable, Unrecorded
from bot.domain.figures import Figure
from bot.domain.risk import Risk
from bot.domain.runs import Run, RunState
from bot.services.messages import want_run_messages
from bot.services.ports import Chat, ChatUnavailable, Store

log = structlog.get_logger()

CHAIN_PATIENCE = timedelta(seconds=15)
ANCHOR_PATIENCE = timedelta(seconds=30)
LOOK_EVERY = timedelta(milliseconds=50)
WAITING_AT_MOST = 200

# What PostgreSQL's code says of a trail that takes no entry, as a label for metrics.
CAUSES = {"25006": "read_only", "53100": "disk_full", "42501": "permission"}


def disturbs(run: Run) -> bool:
    return run.risk in (Risk.DISRUPTIVE, Risk.DESTRUCTIVE)


@dataclass(frozen=True)
class Gate:
    """`anchored`: a place for anchors is configured. `must_anchor`: what is disruptive needs one, or broken glass."""

    store: Store
    anchored: bool = False
    must_anchor: bool = False
    chain_patience: timedelta = CHAIN_PATIENCE
    anchor_patience: timedelta = ANCHOR_PATIENCE

    async def state(self) -> TrailState:
        async with self.store.work() as work:
            return await work.audit.state()

    def unreachable(self, state: TrailState) -> str:
        """Why what is disruptive would now need broken glass to start: its intent could not be anchored."""
        if not self.must_anchor:
            return ""
        return state.trouble if self.anchored else "no place for anchors is configured"

    async def closed(self) -> str:
        """Why nothing that changes anything may be done now; empty when it may."""
        return reason_closed(await self.state(), anchored=self.anchored)

    async def must_be_open(self, risk: Risk) -> None:
        """Raises: Refused."""
        why = "" if risk is Risk.READ_ONLY else await self.closed()
        if why:
            raise Refused(
                f"Nothing that changes anything is done now: {why}.",
                hint="It works again by itself once the trail does; `/readyz` and the bot's log say more.",
            )

    async def wait(self, run: Run) -> None:
        """Before an effect that disrupts: until its intent is chained and anchored. Raises: OperationFailed."""
        if not disturbs(run):
            return
        if not await self._until(run.id, "unchained", self.chain_patience):
            raise OperationFailed(
                "Nothing was begun: the intent is not chained into the audit trail, and nobody chains it.",
                hint="Is a bot running with TAKUMI_BOT_SEQUENCER_DATABASE_URL? Ask again once it is.",
            )
        if self.must_anchor and not run.glass and not await self._until(run.id, "unanchored", self.anchor_patience):
            why = self.unreachable(await self.state()) or "no anchor came in time"
            raise OperationFailed(
                f"Nothing was begun: the audit trail is not anchored outside ({why}).",
                hint="Mend the place of the anchors and ask again; in an emergency, break glass.",
            )

    async def _until(self, run_id: str, what: str, patience: timedelta) -> bool:
        """Whether all entries of the run got so far in time; an anchor is asked for as long as one is waited for."""
        loop = asyncio.get_running_loop()
        deadline, asked_at = loop.time() + patience.total_seconds(), 0.0
        while True:
            async with self.store.work() as work:
                standing = await work.audit.standing(run_id)
                if getattr(standing, what) == 0:
                    return True
                if what == "unanchored" and loop.time() - asked_at >= 1:
                    asked_at = loop.time()
                    await work.audit.want_anchor()
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(LOOK_EVERY.total_seconds())


@dataclass
class TrailWatch:
    """Looks at the trail now and then; what it saw last is what readiness and metrics say.

    `why` is why it is closed, in words, and `cause` the same as a label; `unreachable` is why no anchor would come.
    """

    gate: Gate
    chat: Chat
    channel: str
    declare_voids: Callable[[], Awaitable[None]]
    why: str = ""
    cause: str = ""
    unreachable: str = ""
    state: TrailState | None = field(default=None)

    async def look(self) -> None:
        why, self.cause = await self._reason()
        if bool(why) != bool(self.why):
            await self._tell(why)
        self.why = why
        if not why:
            await self._warn()
            await self.declare_voids()

    async def _reason(self) -> tuple[str, str]:
        try:
            async with self.gate.store.work() as work:
                await work.audit.probe()
                self.state = await work.audit.state()
        except Unrecorded as error:
            return str(error), CAUSES.get(str(error.facts.get("sqlstate")), "other")
        except Unavailable as error:
            return str(error), "no_answer"
        why = reason_closed(self.state, anchored=self.gate.anchored)
        return why, "overdue" if why else ""

    async def _warn(self) -> None:
        """Cards that wait say whether an anchor can be reached: they are drawn again when that changes."""
        unreachable = self.gate.unreachable(self.state) if self.state else ""
        if bool(unreachable) == bool(self.unreachable):
            return
        log.warning("trail.anchors", unreachable=unreachable)
        async with self.gate.store.work() as work:
            for run in await work.runs.recent(WAITING_AT_MOST, states=(RunState.REQUESTED, RunState.APPROVED)):
                if disturbs(run):
                    await want_run_messages(work, run)
        self.unreachable = unreachable

    async def _tell(self, why: str) -> None:
        """Loudly: in the log, and in Slack where it can be reached."""
        if why:
            log.error("trail.closed", why=why)
            said = f"Nothing that changes anything is done until this is well again: {why}."
        else:
            log.warning("trail.open_again", after=self.why)
            said = "The audit trail takes entries again: everything works as before."
        try:
            await self.chat.post(self.channel, "", Document(said, [Text(said)]), f"trail:{'closed' if why else 'open'}")
        except (ChatUnavailable, OperationFailed) as error:
            log.warning("trail.not_told", error=str(error))

    def figures(self) -> Sequence[Figure]:
        """What was seen last."""
        state, why = self.state, {"cause": self.cause}
        chain, anchor = (state.unchained_since, state.unanchored_since) if state else (None, None)
        return (
            Figure("takumi_trail_open", "Whether the trail takes entries.", 0 if self.why else 1),
            *((Figure("takumi_trail_closed", "Why the trail is closed.", 1, why),) if self.why else ()),
            Figure("takumi_trail_anchors_reachable", "Whether an anchor would come.", 0 if self.unreachable else 1),
            Figure("takumi_trail_unchained_seconds", "For how long an entry waits for its place.", self._for(chain)),
            Figure("takumi_trail_unanchored_seconds", "For how long one waits for its anchor.", self._for(anchor)),
        )

    def _for(self, since: datetime | None) -> float:
        return (self.state.now - since).total_seconds() if self.state and since else 0
