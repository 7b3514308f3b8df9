"""A connection that is open and silent, or whose token is worth nothing, is noticed and said: real SDK and sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from slack_bolt.async_app import AsyncApp

from bot.slack.clients import web_client
from bot.slack.socket import Hearing, Pace, keep_connected
from tests.figures import exposed
from tests.workspace_apps import Wire, installed, manifest, until

QUICK = Pace(
    ping=timedelta(seconds=1),
    silent=timedelta(seconds=4),
    ask=timedelta(seconds=0.2),
    look=timedelta(seconds=0.05),
)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed(manifest()) as wire:
        yield wire


@asynccontextmanager
async def listening(wire: Wire, pace: Pace = QUICK) -> AsyncIterator[Hearing]:
    """Connected, as the bot connects."""
    hearing, stop = Hearing(), asyncio.Event()
    app = AsyncApp(client=web_client(wire.credentials["bot_token"], wire.running.api_url))
    task = asyncio.create_task(keep_connected(app, wire.credentials["app_token"], hearing, stop, pace))
    try:
        await until(lambda: hearing.wrong == "")
        yield hearing
    finally:
        stop.set()
        await task
        await app.client.session.close() if app.client.session else None


async def test_a_quiet_connection_whose_pings_are_answered_is_well(wire: Wire) -> None:
    async with listening(wire) as hearing:
        seen = set()
        for _ in range(110):
            seen.add(hearing.wrong)
            await asyncio.sleep(0.05)
    assert seen == {""}


async def test_an_open_connection_on_which_nothing_comes_is_said_to_be_silent_and_is_well_again(wire: Wire) -> None:
    async with listening(wire) as hearing:
        await wire.people.fault("silence_sockets", enabled=True)
        await until(lambda: "connected and silent" in hearing.wrong)
        assert "takumi_slack_reachable 0" in await exposed(hearing.figures())
        await wire.people.fault("silence_sockets", enabled=False)
        await until(lambda: hearing.wrong == "")
        assert "takumi_slack_reachable 1" in await exposed(hearing.figures())


async def test_a_token_that_was_revoked_is_noticed_though_the_socket_is_open(wire: Wire) -> None:
    slow = Pace(QUICK.ping, timedelta(seconds=30), QUICK.ask, QUICK.look)
    async with listening(wire, slow) as hearing:
        await wire.people.fault("error", method="auth.test", error="token_revoked", times=1000)
        await until(lambda: "auth.test fails" in hearing.wrong)
        assert hearing.connected
        await wire.people.fault("clear")
        await until(lambda: hearing.wrong == "")


async def test_a_bot_that_never_connected_says_so(wire: Wire) -> None:
    assert Hearing().wrong == "Socket Mode is not connected"
    async with listening(wire):
        pass
