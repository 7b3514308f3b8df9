"""Socket Mode: a connection that the SDK keeps, and that we notice when it is gone or silent."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

log = structlog.get_logger()

LOOK_EVERY = timedelta(seconds=2)


@dataclass
class Hearing:
    """Whether Slack can reach us, and when something was last heard, on a clock that never steps."""

    connected: bool = False
    heard_at: float = field(default_factory=time.monotonic)

    def heard(self) -> None:
        self.heard_at = time.monotonic()

    @property
    def silent_for(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self.heard_at)


async def keep_connected(app: AsyncApp, app_token: str, hearing: Hearing, stop: asyncio.Event) -> None:
    """Hold a Socket Mode connection until `stop`; the SDK connects again by itself, as often as it takes."""
    client = AsyncSocketModeHandler(app, app_token, ping_interval=5).client
    connecting = asyncio.create_task(client.connect())
    try:
        while not stop.is_set():
            connected = connecting.done() and bool(await client.is_connected())
            if connected != hearing.connected:
                log.info("slack.connected" if connected else "slack.disconnected")
            hearing.connected = connected
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY.total_seconds() if connected else 0.1)
    finally:
        hearing.connected = False
        connecting.cancel()
        await client.close()
