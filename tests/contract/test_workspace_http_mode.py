"""HTTP mode: signed requests, the challenge at installation, retries with their headers."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from demo.workspace.client import WorkspaceRefusedError
from tests.workspace_apps import Json, Wire, installed, manifest, until, waits_for

ALERTS = "#takumi-alerts"


class Receiver:
    """An app's own server, keeping each request as it came."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[], web.Response] = web.Response
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if b"url_verification" in body:
            return web.json_response({"challenge": json.loads(body)["challenge"]})
        self.requests.append((dict(request.headers), body))
        await self.goes_on.wait()
        return self.answer()

    def events(self) -> list[tuple[dict[str, str], Json]]:
        mentions = [(h, json.loads(b)) for h, b in self.requests if h["Content-Type"] == "application/json"]
        return [(h, b) for h, b in mentions if b["event"]["type"] == "app_mention"]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/slack", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as fresh:
        yield fresh


@pytest.fixture
async def wire(receiver: Receiver) -> AsyncIterator[Wire]:
    async with installed(manifest(url=receiver.url, events=["app_mention"])) as fresh:
        yield fresh


async def test_requests_are_signed_with_the_apps_secret(wire: Wire, receiver: Receiver) -> None:
    assert (await wire.aiko.command("/takumi help", ALERTS))["ok"]
    headers, body = receiver.requests[0]
    base = f"v0:{headers['X-Slack-Request-Timestamp']}:".encode() + body
    secret = wire.credentials["signing_secret"].encode()
    assert headers["X-Slack-Signature"] == "v0=" + hmac.new(secret, base, hashlib.sha256).hexdigest()
    assert abs(int(headers["X-Slack-Request-Timestamp"]) - time.time()) < 60
    assert parse_qs(body.decode())["text"] == ["help"]


async def test_a_click_travels_as_a_payload_field(wire: Wire, receiver: Receiver) -> None:
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    message = await wire.post("x", blocks=[{"type": "actions", "elements": [button]}])
    assert (await wire.aiko.click(message, "go", ALERTS))["ok"]
    payload = json.loads(parse_qs(receiver.requests[0][1].decode())["payload"][0])
    assert payload["actions"][0]["action_id"] == "go"


async def test_a_text_answer_is_shown_to_the_person(wire: Wire, receiver: Receiver) -> None:
    receiver.answer = lambda: web.Response(text="on my way")
    await wire.aiko.command("/takumi help", ALERTS)
    assert [m["text"] for m in await wire.aiko.ephemerals(ALERTS)] == ["on my way"]


async def test_an_answer_that_is_no_json_is_shown_as_it_is(wire: Wire, receiver: Receiver) -> None:
    receiver.answer = lambda: web.Response(text="{half", content_type="application/json")
    await wire.aiko.command("/takumi help", ALERTS)
    assert [m["text"] for m in await wire.aiko.ephemerals(ALERTS)] == ["{half"]


async def test_an_answer_slack_cannot_show_is_an_error(wire: Wire, receiver: Receiver) -> None:
    receiver.answer = lambda: web.json_response({"blocks": [{"type": "sparkles"}]})
    assert (await wire.aiko.command("/takumi help", ALERTS))["error"] == "invalid_command_response"


async def test_anything_but_a_2xx_fails_the_command(wire: Wire, receiver: Receiver) -> None:
    receiver.answer = lambda: web.Response(status=500)
    assert (await wire.aiko.command("/takumi help", ALERTS))["error"] == "dispatch_failed"


async def test_an_event_is_tried_again_with_number_and_reason(wire: Wire, receiver: Receiver) -> None:
    receiver.answer = lambda: web.Response(status=500)
    await wire.aiko.say("@takumi help", ALERTS)
    for count, pause in ((2, 60), (3, 300)):
        await until(lambda count=count, pause=pause: len(receiver.events()) == count and waits_for(wire, pause))
        await wire.people.advance_clock(timedelta(seconds=pause))
    await until(lambda: len(receiver.events()) == 4)
    tried = [(h.get("X-Slack-Retry-Num"), h.get("X-Slack-Retry-Reason")) for h, _ in receiver.events()]
    assert tried == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
    assert len({body["event_id"] for _, body in receiver.events()}) == 1


async def test_an_event_unanswered_for_three_seconds_is_tried_again_as_a_timeout(
    wire: Wire, receiver: Receiver
) -> None:
    receiver.goes_on.clear()
    await wire.aiko.say("@takumi help", ALERTS)
    await until(lambda: bool(receiver.events()))
    await wire.people.advance_clock(timedelta(seconds=3))
    receiver.goes_on.set()
    await until(lambda: len(receiver.events()) == 2)
    headers = receiver.events()[1][0]
    assert (headers["X-Slack-Retry-Num"], headers["X-Slack-Retry-Reason"]) == ("1", "http_timeout")


async def test_an_event_to_nobody_is_tried_again_when_somebody_listens(wire: Wire, receiver: Receiver) -> None:
    (app,) = wire.running.stand_in.world.state.apps.values()
    events = app.manifest["settings"]["event_subscriptions"]
    events["request_url"] = "http://127.0.0.1:9/slack"
    await wire.aiko.say("@takumi help", ALERTS)
    await until(lambda: waits_for(wire, 60))
    events["request_url"] = receiver.url
    await wire.people.advance_clock(timedelta(seconds=60))
    await until(lambda: bool(receiver.events()))
    headers = receiver.events()[0][0]
    assert (headers["X-Slack-Retry-Num"], headers["X-Slack-Retry-Reason"]) == ("2", "connection_failed")


async def test_an_app_may_ask_for_no_more_tries(wire: Wire, receiver: Receiver) -> None:
    receiver.answer = lambda: web.Response(status=500, headers={"X-Slack-No-Retry": "1"})
    await wire.aiko.say("@takumi help", ALERTS)
    await until(lambda: bool(receiver.events()))
    await wire.people.advance_clock(timedelta(minutes=10))
    await asyncio.sleep(0.05)
    assert len(receiver.events()) == 1


async def test_an_address_that_does_not_answer_the_challenge_is_not_installed(wire: Wire) -> None:
    nowhere = manifest("Other", command="/other", url="http://127.0.0.1:9/slack", events=["app_mention"])
    with pytest.raises(WorkspaceRefusedError, match="url_verification_failed"):
        await wire.people.install(nowhere)
    assert [a["name"] for a in (await wire.people.state())["apps"]] == ["Takumi"]


async def test_an_http_app_opens_no_socket(wire: Wire) -> None:
    answer = await wire.call("apps.connections.open", wire.credentials["app_token"])
    assert answer["ok"] is False
