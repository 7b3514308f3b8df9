"""Socket Mode: a connection that the SDK keeps, and that we notice when it is gone or silent."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from aiohttp import ClientError
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode.aiohttp import SocketModeClient

from bot.domain.figures import Figure

log = structlog.get_logger()


@dataclass(frozen=True)
class Pace:
    """How often we ping, ask `auth.test` and look; a connection is silent when nothing came for `silent`.

    The SDK itself connects again soon after a ping without an answer: a Slack that accepts connections and says nothing
    more on them would look connected most of the time.
    """

    ping: timedelta = timedelta(seconds=5)
    silent: timedelta = timedelta(seconds=20)
    ask: timedelta = timedelta(seconds=60)
    look: timedelta = timedelta(seconds=2)


@dataclass
class Hearing:
    """Whether Slack can reach us, and when something was last heard, on a clock that never steps.

    `trouble` is what `auth.test` says; a connection is nothing worth when the token behind it is not.
    """

    connected: bool = False
    trouble: str = ""
    silent_after: timedelta = Pace.silent
    heard_at: float = field(default_factory=time.monotonic)

    def heard(self) -> None:
        self.heard_at = time.monotonic()

    @property
    def silent_for(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self.heard_at)

    @property
    def wrong(self) -> str:
        """What keeps Slack from reaching us, or an empty string."""
        if not self.connected:
            return "Socket Mode is not connected"
        if self.silent_for > self.silent_after:
            return f"Socket Mode is connected and silent: nothing came for {self.silent_for.total_seconds():.0f} s"
        return self.trouble

    def figures(self) -> tuple[Figure, ...]:
        silent = self.silent_for.total_seconds()
        return (
            Figure("takumi_slack_reachable", "Whether Slack can reach this process.", 0 if self.wrong else 1),
            Figure("takumi_slack_silent_seconds", "For how long nothing came from Slack.", silent),
        )


async def keep_connected(
    app: AsyncApp, app_token: str, hearing: Hearing, stop: asyncio.Event, pace: Pace | None = None
) -> None:
    """Hold a Socket Mode connection until `stop`; the SDK connects again by itself, as often as it takes."""
    pace = pace or Pace()
    hearing.silent_after = pace.silent
    client = AsyncSocketModeHandler(app, app_token, ping_interval=pace.ping.total_seconds()).client
    connecting = asyncio.create_task(client.connect())
    asking = asyncio.create_task(_keep_asking(app, hearing, pace.ask))
    try:
        await _watch(client, connecting, hearing, stop, pace.look)
    finally:
        hearing.connected = False
        connecting.cancel()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await client.close()


async def _watch(
    client: SocketModeClient, connecting: "asyncio.Task[None]", hearing: Hearing, stop: asyncio.Event, look: timedelta
) -> None:
    said, answered, was_answered = "not yet", client.last_ping_pong_time, True
    while not stop.is_set():
        hearing.connected, before = connecting.done() and bool(await client.is_connected()), hearing.connected
        if hearing.connected > before and was_answered:
            hearing.heard()  # a new connection after one that was good begins with trust
            was_answered = False
        if client.last_ping_pong_time != answered:
            # The first time stands for the SDK's own first ping, every other for an answer.
            was_answered = answered is not None
            answered = client.last_ping_pong_time
            if was_answered:
                hearing.heard()
        if hearing.wrong != said:
            said = hearing.wrong
            log.warning("slack.degraded", why=said) if said else log.info("slack.connected")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), look.total_seconds() if hearing.connected else 0.1)


async def _keep_asking(app: AsyncApp, hearing: Hearing, every: timedelta) -> None:
    """A token that was revoked, or an API that is away, is not seen on a socket that is open."""
    while True:
        try:
            await app.client.auth_test()
            hearing.trouble = ""
        except (SlackClientError, ClientError, TimeoutError, OSError) as error:
            hearing.trouble = f"auth.test fails: {str(error).splitlines()[0]}"
        await asyncio.sleep(every.total_seconds())
