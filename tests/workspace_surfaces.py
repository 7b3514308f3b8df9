"""Messages and modals for people to act on, and the trigger that opens a modal."""

from typing import Any

from tests.workspace_apps import Json, Wire
from tests.workspace_socket import SocketApp

ALERTS, ALERTS_ID, AIKO = "#takumi-alerts", "C0ALERTS01", "U0DEV00001"


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


BUTTON = {"type": "button", "action_id": "go", "text": plain("Go!"), "value": "run-1"}
MENU = {
    "type": "static_select",
    "action_id": "menu",
    "options": [{"text": plain("One"), "value": "1"}, {"text": plain("Two"), "value": "2"}],
}
ACTIONS = [{"type": "actions", "block_id": "row", "elements": [BUTTON, MENU]}]
NAME = {
    "type": "input",
    "block_id": "name",
    "label": plain("Name"),
    "element": {"type": "plain_text_input", "action_id": "text"},
}


def modal(**changes: Any) -> Json:
    return {"type": "modal", "title": plain("Title"), "submit": plain("Send"), "blocks": [NAME], **changes}


async def trigger(wire: Wire, app: SocketApp) -> str:
    await wire.aiko.command("/takumi", ALERTS)
    return str(app.payloads("slash_commands")[-1]["trigger_id"])


async def opened(wire: Wire, app: SocketApp, view: Json | None = None) -> Json:
    answer = await wire.call("views.open", trigger_id=await trigger(wire, app), view=view or modal())
    assert answer["ok"], answer
    return dict(answer["view"])
