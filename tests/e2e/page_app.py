"""A small app on unmodified Bolt, in Socket Mode, for the page's tests to talk to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from demo.workspace.server import Running

ALERTS = "C0ALERTS01"
SCOPES = [
    "commands",
    "chat:write",
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "users:read",
    "files:write",
]
COMMAND = {"command": "/demo", "description": "Try the page", "usage_hint": "whisper | ask | form"}
SHORTCUT = {"name": "Launch", "type": "global", "callback_id": "launch", "description": "Opens the form"}
MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Demo"},
    "features": {
        "bot_user": {"display_name": "Demo", "always_online": True},
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True},
        "slash_commands": [COMMAND],
        "shortcuts": [SHORTCUT],
    },
    "oauth_config": {"scopes": {"bot": SCOPES}},
    "settings": {
        "socket_mode_enabled": True,
        "interactivity": {"is_enabled": True},
        "event_subscriptions": {"bot_events": ["app_mention", "app_home_opened"]},
    },
}


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


CONFIRM = {
    "title": plain("Really?"),
    "text": {"type": "mrkdwn", "text": "This *replaces* staging."},
    "confirm": plain("Yes, replace"),
    "deny": plain("Not yet"),
}
ANSWERS: list[dict[str, Any]] = [
    {"type": "button", "action_id": "approve", "text": plain("Approve"), "value": "R-1"},
    {"type": "button", "action_id": "replace", "text": plain("Replace"), "style": "danger", "confirm": CONFIRM},
    {
        "type": "static_select",
        "action_id": "level",
        "placeholder": plain("How urgent?"),
        "options": [{"text": plain(word), "value": word.lower()} for word in ("Low", "High")],
    },
]
QUESTION: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Shall we?"}},
    {"type": "actions", "block_id": "answer", "elements": ANSWERS},
]
FORM: dict[str, Any] = {
    "type": "modal",
    "callback_id": "form",
    "title": plain("Restore"),
    "submit": plain("Ask"),
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "text"},
        },
        {
            "type": "input",
            "block_id": "tell",
            "optional": True,
            "label": plain("Tell"),
            "element": {"type": "multi_users_select", "action_id": "people"},
        },
        {
            "type": "input",
            "block_id": "runbook",
            "optional": True,
            "label": plain("Runbook"),
            "element": {"type": "external_select", "action_id": "search", "min_query_length": 2},
        },
    ],
}
REFUSAL = "Say which incident it belongs to."
HOME = {"type": "home", "blocks": [{"type": "header", "text": plain("Nothing waits for you")}]}


@asynccontextmanager
async def connected_app(running: Running, credentials: dict[str, str]) -> AsyncIterator[AsyncWebClient]:
    """The app, connected for the length of the block; the value is its own client."""
    client = AsyncWebClient(token=credentials["bot_token"], base_url=running.api_url)
    app = AsyncApp(client=client, process_before_response=True)
    _listen(app)
    handler = AsyncSocketModeHandler(app, credentials["app_token"], web_client=client)
    await handler.connect_async()
    try:
        yield client
    finally:
        await handler.close_async()
        await asyncio.sleep(0)


def _listen(app: AsyncApp) -> None:
    app.command("/demo")(_command)
    app.action("approve")(_clicked)
    app.action("replace")(_clicked)
    app.action("level")(_clicked)
    app.options("search")(_suggested)
    app.view("form")(_submitted)
    app.shortcut("launch")(_launched)
    app.event("app_home_opened")(_home)


async def _command(ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond, client: AsyncWebClient) -> None:
    await ack()
    if command["text"] == "whisper":
        await respond("For your eyes only")
    elif command["text"] == "ask":
        await client.chat_postMessage(channel=ALERTS, text="Shall we?", blocks=QUESTION)
    else:
        await client.views_open(trigger_id=command["trigger_id"], view=FORM)


async def _clicked(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
    await ack()
    chosen = action.get("value") or (action.get("selected_option") or {}).get("value")
    text = f"{action['action_id']} {chosen} by <@{body['user']['id']}>"
    await client.chat_update(channel=ALERTS, ts=body["message"]["ts"], text=text, blocks=[])


async def _submitted(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient) -> None:
    reason = view["state"]["values"]["reason"]["text"]["value"]
    if "INC-" not in reason:
        await ack(response_action="errors", errors={"reason": REFUSAL})
        return
    await ack()
    told = view["state"]["values"]["tell"]["people"]["selected_users"]
    runbook = (view["state"]["values"]["runbook"]["search"]["selected_option"] or {}).get("value")
    await client.chat_postMessage(channel=ALERTS, text=f"Asked: {reason}, telling {len(told)}, to {runbook}")


async def _suggested(ack: AsyncAck, payload: dict[str, Any]) -> None:
    found = [name for name in ("Back up", "Restore", "Reindex") if payload["value"].lower() in name.lower()]
    await ack(options=[{"text": plain(name), "value": name} for name in found])


async def _launched(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
    await ack()
    await client.views_open(trigger_id=body["trigger_id"], view=FORM)


async def _home(event: dict[str, Any], client: AsyncWebClient) -> None:
    if event["tab"] == "home":
        await client.views_publish(user_id=event["user"], view=HOME)
