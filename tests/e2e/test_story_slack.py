"""When Slack itself stumbles: nothing is said twice, nothing is lost, and the bot finds its way back."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from demo.workspace.client import Person, Workspace, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import Product, locked, until
from tests.e2e.threads import RunSeen, ask_for, key_of, tasks_of

PATIENCE = timedelta(seconds=60)


@pytest.fixture
def aiko(people: Workspace) -> Person:
    return people.person("Aiko")


async def keys_said(run: RunSeen) -> list[str]:
    """What the run's messages are marked with, the head first: each once, when nothing was said twice."""
    channel = [key_of(m) for m in await run.person.messages(run.channel) if key_of(m).startswith(run.key)]
    return channel + [key_of(m) for m in await run.thread_messages()]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "ratelimited", "times": 3, "seconds": 1},
        {"kind": "drop_before", "times": 1},
        {"kind": "drop_after", "times": 1},
        {"kind": "http_error", "times": 2, "status": 503},
        {"kind": "error", "times": 1, "error": "internal_error"},
    ],
    ids=lambda fault: str(fault["kind"]),
)
async def test_a_post_that_stumbles_is_there_exactly_once(
    socket_bot: BotUnderTest, people: Workspace, aiko: Person, fault: dict[str, Any]
) -> None:
    await people.fault(method="chat.postMessage", **fault)
    run = await ask_for(aiko, socket_bot, "backup now --to local", patience=PATIENCE)
    assert "succeeded" in await run.result(PATIENCE)
    await run.says("succeeded")
    assert await keys_said(run) == [run.key, f"{run.key}:steps", f"{run.key}:result"]


async def test_every_message_of_a_run_survives_a_dropped_answer(
    socket_bot: BotUnderTest, product: Product, people: Workspace, aiko: Person
) -> None:
    async with locked(product.parts.platform_cluster, "endorsements"):
        run = await ask_for(aiko, socket_bot, "backup now --to local")
        await run.waits_for("steps", lambda message: "in_progress" in tasks_of(message).values())
        await people.fault("drop_after", method="chat.postMessage")
        await people.fault("ratelimited", method="chat.update", times=2, seconds=1)
    assert "succeeded" in await run.result(PATIENCE)
    await run.waits_for("steps", lambda message: set(tasks_of(message).values()) == {"complete"})
    assert await keys_said(run) == [run.key, f"{run.key}:steps", f"{run.key}:result"]


@pytest.mark.parametrize("reason", ["refresh_requested", "warning", "link_disabled"])
async def test_a_disconnected_socket_is_replaced_and_works(
    socket_bot: BotUnderTest, people: Workspace, aiko: Person, reason: str
) -> None:
    app = next(app for app in (await people.state())["apps"] if app["bot_user_id"] == socket_bot.user)
    connected = socket_bot.times_logged("has been established")
    await people.fault("disconnect_sockets", app_id=app["id"], reason=reason)
    await until(lambda: socket_bot.times_logged("has been established") > connected, seconds=20)
    assert "components are well" in await answered_at_last(aiko, socket_bot, "health")


async def test_after_an_outage_of_slack_the_bot_connects_by_itself_and_tells_what_it_did_meanwhile(
    socket_bot: BotUnderTest, product: Product, aiko: Person
) -> None:
    cluster = product.parts.platform_cluster
    async with locked(cluster, "endorsements"):
        run = await ask_for(aiko, socket_bot, "backup now --to local")
        await run.waits_for("steps", lambda message: "in_progress" in tasks_of(message).values())
        await product.parts.workspace.stop()
    try:
        await socket_bot.until_not_ready()
        assert "slack" in (await socket_bot.readiness())["wrong"]
        assert "takumi_slack_reachable 0" in await socket_bot.metrics()
        assert socket_bot.times_logged("slack.degraded") > 0
    finally:
        await product.parts.workspace.start()
    await socket_bot.ready()
    assert "succeeded" in await run.result(PATIENCE)
    assert await keys_said(run) == [run.key, f"{run.key}:steps", f"{run.key}:result"]
    assert "components are well" in await answered_at_last(aiko, socket_bot, "health")


async def answered_at_last(person: Person, bot: BotUnderTest, words: str) -> str:
    """Type it as a person would while the app does not answer: again, until it is taken."""
    before = {message["ts"] for message in await person.ephemerals(bot.channel)}
    async with asyncio.timeout(20):
        while not (await person.command(f"{bot.command} {words}", bot.channel))["ok"]:  # noqa: ASYNC110 - as people do
            await asyncio.sleep(0.2)
    told = await person.wait_for(lambda m: bool(m.get("is_ephemeral")) and m["ts"] not in before, bot.channel)
    return visible_text(told)
