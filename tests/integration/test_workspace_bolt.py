"""Unmodified slack_sdk and slack_bolt against the stand-in: only the base URL differs from Slack."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from demo.workspace.client import visible_text
from tests.workspace_apps import Wire, installed, manifest, until

ALERTS, ALERTS_ID = "#takumi-alerts", "C0ALERTS01"
MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "backup",
    "title": {"type": "plain_text", "text": "Backup"},
    "submit": {"type": "plain_text", "text": "Start"},
    "blocks": [
        {
            "type": "input",
            "block_id": "database",
            "label": {"type": "plain_text", "text": "Database"},
            "element": {"type": "plain_text_input", "action_id": "name"},
        }
    ],
}
APPROVE = [
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}, "value": "1"}
        ],
    }
]


def build(client: AsyncWebClient, **options: Any) -> AsyncApp:
    """The same listeners in both modes."""
    app = AsyncApp(client=client, process_before_response=True, **options)

    @app.command("/takumi")
    async def command(ack: Any, body: Any, client: AsyncWebClient) -> None:
        if body["text"] == "form":
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        await ack("working on it")
        await client.chat_postMessage(channel=body["channel_id"], text="approve?", blocks=APPROVE)

    @app.view("backup")
    async def submitted(ack: Any, view: Any, body: Any, client: AsyncWebClient) -> None:
        name = view["state"]["values"]["database"]["name"]["value"]
        if name == "takumi_bot":
            await ack(response_action="errors", errors={"database": "Never the bot's own database."})
            return
        await ack()
        await client.chat_postMessage(channel=ALERTS_ID, text=f"<@{body['user']['id']}> chose {name}")

    @app.action("approve")
    async def approve(ack: Any, body: Any, respond: Any) -> None:
        await ack()
        await respond(f"approved by <@{body['user']['id']}>", replace_original=True)

    @app.event("app_mention")
    async def mention(event: Any, say: Any) -> None:
        await say("at your service", thread_ts=event["ts"])

    return app


@pytest.fixture
async def socket_wire() -> AsyncIterator[Wire]:
    async with installed(manifest(events=["app_mention"])) as wire:
        client = AsyncWebClient(token=wire.credentials["bot_token"], base_url=wire.running.api_url)
        handler = AsyncSocketModeHandler(build(client), wire.credentials["app_token"])
        await handler.connect_async()
        yield wire
        await handler.close_async()


@pytest.fixture
async def http_wire() -> AsyncIterator[Wire]:
    """Bolt behind a plain aiohttp route, its secrets learnt at installation."""
    from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request  # noqa: PLC0415 # this mode alone

    bolt: list[AsyncApp] = []

    async def handle(request: web.Request) -> web.Response:
        if not bolt:
            return web.json_response({"challenge": json.loads(await request.read())["challenge"]})
        return await to_aiohttp_response(await bolt[0].async_dispatch(await to_bolt_request(request)))

    server = web.Application()
    server.router.add_post("/slack/events", handle)
    runner = web.AppRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    async with installed(manifest(url=url, events=["app_mention"])) as wire:
        client = AsyncWebClient(token=wire.credentials["bot_token"], base_url=wire.running.api_url)
        bolt.append(build(client, signing_secret=wire.credentials["signing_secret"]))
        yield wire
    await runner.cleanup()


@pytest.fixture(params=["socket_wire", "http_wire"])
def wire(request: pytest.FixtureRequest) -> Wire:
    return request.getfixturevalue(request.param)


async def test_a_command_is_answered_privately_and_in_the_channel(wire: Wire) -> None:
    assert (await wire.aiko.command("/takumi backup now", ALERTS))["ok"]
    assert [m["text"] for m in await wire.aiko.ephemerals(ALERTS)] == ["working on it"]
    seen = await wire.people.person("Taro").messages(ALERTS)
    assert [m["text"] for m in seen] == ["approve?"]


async def test_a_modal_shows_the_listeners_error_then_closes(wire: Wire) -> None:
    await wire.aiko.command("/takumi form", ALERTS)
    view = await wire.aiko.wait_for_view()
    refused = await wire.aiko.submit(view, {"database": "takumi_bot"})
    assert refused["errors"] == {"database": "Never the bot's own database."}
    await wire.aiko.submit(view, {"database": "takumi_staging"})
    await wire.aiko.wait_for(lambda m: "chose takumi_staging" in visible_text(m), ALERTS)
    assert await wire.aiko.views() == []


async def test_a_click_replaces_its_message_through_the_response_url(wire: Wire) -> None:
    await wire.aiko.command("/takumi backup now", ALERTS)
    asked = await wire.aiko.wait_for(lambda m: m["text"] == "approve?", ALERTS)
    assert (await wire.people.person("Taro").click(asked, "Approve", ALERTS))["ok"]
    await wire.aiko.wait_for(lambda m: m["text"] == "approved by <@U0LEAD0001>", ALERTS)


async def test_a_mention_is_answered_in_its_thread(wire: Wire) -> None:
    ts = await wire.aiko.say("@takumi help", ALERTS)
    await wire.aiko.wait_for(lambda m: m["text"] == "at your service", ALERTS, thread=ts)


async def test_a_socket_told_to_refresh_comes_back(socket_wire: Wire) -> None:
    """The client may connect twice, once for the announcement and once for the close: only the last one stays."""
    app_id, sockets = socket_wire.credentials["app_id"], socket_wire.running.stand_in.sockets
    before = sockets.connections(app_id)
    await socket_wire.people.fault("disconnect_sockets")
    await until(lambda: [c for c in sockets.connections(app_id) if c not in before])
    async with asyncio.timeout(20):
        while not (await socket_wire.aiko.command("/takumi help", ALERTS))["ok"]:
            continue


async def test_a_wrong_signing_secret_fails_the_command(http_wire: Wire) -> None:
    http_wire.running.stand_in.world.state.apps[http_wire.credentials["app_id"]].signing_secret = "0" * 32
    assert (await http_wire.aiko.command("/takumi help", ALERTS))["error"] == "dispatch_failed"


async def test_the_clients_files_upload_v2_works_in_three_parts(socket_wire: Wire) -> None:
    client = AsyncWebClient(token=socket_wire.credentials["bot_token"], base_url=socket_wire.running.api_url)
    uploaded = await client.files_upload_v2(
        content="row counts", filename="report.txt", channel=ALERTS_ID, initial_comment="the report"
    )
    shown = await socket_wire.aiko.wait_for(lambda m: "the report" in visible_text(m), ALERTS)
    address = shown["files"][0]["url_private_download"]
    headers = {"Authorization": f"Bearer {socket_wire.credentials['bot_token']}"}
    async with socket_wire.session.get(address, headers=headers) as answer:
        assert await answer.text() == "row counts"
    async with socket_wire.session.get(address) as answer:
        assert answer.status == 403
    assert shown["files"][0]["id"] == uploaded["file"]["id"]


async def test_the_synchronous_client_works_with_its_empty_json_body(socket_wire: Wire) -> None:
    client = WebClient(token=socket_wire.credentials["bot_token"], base_url=socket_wire.running.api_url)
    assert (await asyncio.to_thread(client.auth_test))["bot_id"]
    posted = await asyncio.to_thread(client.chat_postMessage, channel=ALERTS_ID, text="x", blocks=APPROVE)
    assert posted["message"]["blocks"][0]["elements"][0]["action_id"] == "approve"


async def test_the_client_sees_slacks_errors_and_waits_out_a_429(socket_wire: Wire) -> None:
    client = AsyncWebClient(token=socket_wire.credentials["bot_token"], base_url=socket_wire.running.api_url)
    with pytest.raises(SlackApiError) as refused:
        await client.users_info(user="U0NOBODY01")
    assert refused.value.response["error"] == "user_not_found"
    await socket_wire.people.fault("ratelimited", method="users.info", seconds=1)
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    assert (await client.users_info(user="U0DEV00001"))["user"]["id"] == "U0DEV00001"


async def test_metadata_is_found_again_page_by_page(socket_wire: Wire) -> None:
    await socket_wire.people.fault("rate_limits", enabled=False)
    client = AsyncWebClient(token=socket_wire.credentials["bot_token"], base_url=socket_wire.running.api_url)
    for number in range(7):
        metadata = {"event_type": "run", "event_payload": {"id": number}}
        await client.chat_postMessage(channel=ALERTS_ID, text=f"{number}", metadata=metadata)
    found: list[int] = []
    async for page in await client.conversations_history(channel=ALERTS_ID, limit=3, include_all_metadata=True):
        found += [m["metadata"]["event_payload"]["id"] for m in page["messages"]]
    assert found == [6, 5, 4, 3, 2, 1, 0]
    plain = await client.conversations_history(channel=ALERTS_ID)
    assert not any("metadata" in m for m in plain["messages"])
