"""One door to apps: over a socket or by HTTP, with three seconds to acknowledge."""

import asyncio
import copy
import logging
import uuid
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import aiohttp

from demo.workspace import Json
from demo.workspace.deliver import requests
from demo.workspace.deliver.sockets import ConnectionLostError, Sockets
from demo.workspace.faults import DELIVERY_FAULTS, Faults
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.world import World

log = logging.getLogger(__name__)

ACK_DEADLINE = timedelta(seconds=3)
Kind = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True)
class Ack:
    """How an app answered; `error` is what the person is shown, `reason` is what a retry says."""

    ok: bool
    payload: Json = field(default_factory=dict)
    error: str = ""
    reason: str = ""
    may_retry: bool = True

    def as_json(self) -> Json:
        return {"ok": True} if self.ok else {"ok": False, "error": self.error}


LOST = Ack(ok=False, error="operation_timeout", reason="timeout")


@dataclass(frozen=True)
class Parcel:
    """A payload on its way: what kind, to which address in HTTP mode, on which attempt."""

    kind: Kind
    payload: Json
    url: str = ""
    attempt: int = 0
    reason: str = ""

    @property
    def name(self) -> str:
        """What it tells of: an event's own type, `block_actions`..., or `slash_commands`."""
        told = self.payload.get("event", self.payload)
        return str(told.get("type", self.kind))

    def posting(self) -> requests.Posting:
        if self.kind == "slash_commands":
            return requests.form(self.url, self.payload)
        if self.kind == "interactive":
            return requests.interaction(self.url, self.payload)
        return requests.event(self.url, self.payload, self.attempt, self.reason)

    def envelope(self) -> Json:
        """A Socket Mode frame; only events carry retry counts."""
        frame: Json = {
            "envelope_id": str(uuid.uuid4()),
            "type": self.kind,
            "payload": self.payload,
            "accepts_response_payload": self.kind != "events_api",
        }
        is_event = self.kind == "events_api"
        return frame | ({"retry_attempt": self.attempt, "retry_reason": self.reason} if is_event else {})


class Deliveries:
    """Hands parcels to apps and reports what became of them."""

    def __init__(self, world: World, sockets: Sockets, faults: Faults) -> None:
        self._world, self._sockets, self._faults = world, sockets, faults
        self._tasks: set[asyncio.Task[Any]] = set()
        self.sent: Counter[str] = Counter()
        self._overtaking: dict[str, asyncio.Event] = {}
        self._session: aiohttp.ClientSession | None = None

    async def hand_over(self, app: InstalledApp, parcel: Parcel) -> Ack:
        """Deliver once (more often when a fault says so) and wait at most three seconds for the answer."""
        parcel = copy.deepcopy(parcel)
        fault = self._faults.take(DELIVERY_FAULTS, parcel.kind)
        kind = fault.kind if fault is not None else ""
        if kind == "drop_deliveries":
            return LOST
        if kind == "delay_deliveries" and fault is not None:
            await asyncio.sleep(fault.seconds)
        if kind == "reorder_deliveries":
            await self._overtaken(app)
        ack = await self._attempt(app, parcel)
        if kind == "duplicate_deliveries":
            self.in_background(self._attempt(app, parcel))
        self._let_overtaken_go(app)
        return LOST if kind == "lose_acks" else ack

    async def _overtaken(self, app: InstalledApp) -> None:
        """Wait until another parcel was handed over; when none comes, this one goes after all."""
        waiting = self._overtaking.setdefault(app.id, asyncio.Event())
        with suppress(TimeoutError):
            await self._world.clock.within(ACK_DEADLINE, waiting.wait())

    def _let_overtaken_go(self, app: InstalledApp) -> None:
        waiting = self._overtaking.pop(app.id, None)
        if waiting is not None:
            waiting.set()

    def in_background(self, work: Coroutine[Any, Any, object]) -> None:
        """Run something nobody waits for; what it raises is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a delivery failed", exc_info=task.exception())

    async def _attempt(self, app: InstalledApp, parcel: Parcel) -> Ack:
        self.sent[parcel.name] += 1
        transport = self._by_socket if app.uses_socket_mode else self._by_http
        try:
            return await self._world.clock.within(ACK_DEADLINE, transport(app, parcel))
        except TimeoutError:
            reason = "timeout" if app.uses_socket_mode else "http_timeout"
            return Ack(ok=False, error="operation_timeout", reason=reason)

    async def _by_socket(self, app: InstalledApp, parcel: Parcel) -> Ack:
        connection = self._sockets.pick(app.id)
        if connection is None:
            return Ack(ok=False, error="dispatch_failed", reason="connection_failed")
        try:
            return Ack(ok=True, payload=await connection.exchange(parcel.envelope()))
        except ConnectionLostError:
            return Ack(ok=False, error="dispatch_failed", reason="connection_failed")

    async def _by_http(self, app: InstalledApp, parcel: Parcel) -> Ack:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        try:
            answer = await requests.send(self._session, app, parcel.posting(), self._world.clock.now())
        except requests.HttpRefusedError as refused:
            return Ack(ok=False, error="dispatch_failed", reason="http_error", may_retry=refused.may_retry)
        except requests.HttpUnreachableError as unreachable:
            return Ack(ok=False, error="dispatch_failed", reason=unreachable.reason)
        return Ack(ok=True, payload=answer)

    async def post_once(self, app: InstalledApp, parcel: Parcel) -> Ack:
        """By HTTP whatever the mode: the `url_verification` of an installation."""
        try:
            return await self._world.clock.within(ACK_DEADLINE, self._by_http(app, parcel))
        except TimeoutError:
            return Ack(ok=False, error="operation_timeout", reason="http_timeout")
