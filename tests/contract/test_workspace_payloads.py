"""What the stand-in sends to apps, against payloads recorded at Slack."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.workspace_apps import Json, Wire, installed
from tests.workspace_socket import SocketApp, socket_app
from tests.workspace_surfaces import ACTIONS, ALERTS, modal, opened

RECORDED = Path(__file__).parents[3] / "shared" / "slack" / "payloads"
DOCUMENTED_BUT_NOT_RECORDED: dict[str, set[str]] = {
    "ViewSubmissionPayload": {"/view/blocks", "/response_urls"},
    "ViewClosedPayload": {"/view/blocks"},
}

pytestmark = pytest.mark.skipif(not RECORDED.exists(), reason=f"no recorded payloads at {RECORDED}")


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


async def everything_sent(wire: Wire, app: SocketApp) -> dict[str, Json]:
    """One payload of each kind."""
    message = await wire.post("x", blocks=ACTIONS)
    await wire.aiko.command("/takumi help", ALERTS)
    await wire.aiko.click(message, "go", ALERTS)
    await wire.aiko.shortcut("adopt", ALERTS, message)
    await wire.aiko.submit(await opened(wire, app), {"name": "x"})
    await wire.aiko.close(await opened(wire, app, modal(notify_on_close=True)))
    kinds = {
        "SlashCommandPayload": "slash_commands",
        "BlockActionPayload": "block_actions",
        "MessageShortcutPayload": "message_action",
        "ViewSubmissionPayload": "view_submission",
        "ViewClosedPayload": "view_closed",
    }
    return {name: app.payloads(kind)[0] for name, kind in kinds.items()}


async def test_payloads_have_no_key_slack_never_sends(wire: Wire) -> None:
    async with socket_app(wire) as app:
        sent = await everything_sent(wire, app)
    for name, payload in sent.items():
        recorded = json.loads((RECORDED / f"{name}.json").read_text())
        foreign = set(_foreign(payload, recorded, ""))
        assert foreign == DOCUMENTED_BUT_NOT_RECORDED.get(name, set()), name


def _foreign(ours: Any, recorded: Any, where: str) -> list[str]:
    """Keys of ours that the recording lacks; blocks are checked elsewhere, empty recordings say nothing."""
    if where.endswith("/blocks") or recorded in ({}, [], None, ""):
        return []
    if isinstance(ours, dict) and isinstance(recorded, dict):
        unknown = [f"{where}/{key}" for key in ours if key not in recorded]
        return unknown + [f for k, v in ours.items() if k in recorded for f in _foreign(v, recorded[k], f"{where}/{k}")]
    if isinstance(ours, list) and isinstance(recorded, list):
        return [f for item in ours for f in _foreign(item, recorded[0], f"{where}/0")]
    return []
