"""Files that go with what the bot says: beside the message, or to the person when the message is private."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.documents import Attachment, Chart, Document, Line
from bot.domain.redaction import Redactor
from bot.slack.gateway import SlackChat
from tests.builders import AN_INSTANT
from tests.workspace_apps import Wire, installed

ALERTS, AIKO = "C0ALERTS01", "U0DEV00001"
CHART = Chart("trend", "Restore", "minutes", (Line("Database", ((AN_INSTANT, 4.0),)),))
REPORT = Attachment("report.txt", "password hunter2\n")


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as wired:
        yield wired


@pytest.fixture
def chat(wire: Wire) -> SlackChat:
    client = AsyncWebClient(token=wire.credentials["bot_token"], base_url=wire.running.api_url)
    return SlackChat(client, Redactor(["hunter2"]), {})


async def files_in(wire: Wire, channel: str) -> dict[str, bytes]:
    """Names and contents of the files that were shared there."""
    history = await wire.call("conversations.history", channel=channel)
    found = {}
    headers = {"Authorization": f"Bearer {wire.credentials['bot_token']}"}
    for file in (file for message in history["messages"] for file in message.get("files", [])):
        async with wire.session.get(file["url_private_download"], headers=headers) as answer:
            found[file["name"]] = await answer.read()
    return found


async def direct(wire: Wire, user: str) -> str:
    return str((await wire.call("conversations.open", users=user))["channel"]["id"])


async def test_the_file_of_a_private_answer_goes_to_the_asker_alone(wire: Wire, chat: SlackChat) -> None:
    await chat.whisper(ALERTS, AIKO, "", Document("Here.", files=(REPORT, CHART)))
    assert await files_in(wire, ALERTS) == {}
    found = await files_in(wire, await direct(wire, AIKO))
    assert sorted(found) == ["report.txt", "trend.png"]
    assert found["trend.png"].startswith(b"\x89PNG")


async def test_a_secret_in_a_file_is_redacted(wire: Wire, chat: SlackChat) -> None:
    await chat.whisper(ALERTS, AIKO, "", Document("Here.", files=(REPORT,)))
    found = await files_in(wire, await direct(wire, AIKO))
    assert b"hunter2" not in found["report.txt"]
    assert found["report.txt"].startswith(b"password ")


async def test_the_file_of_a_message_hangs_in_its_thread(wire: Wire, chat: SlackChat) -> None:
    posted = await chat.post(ALERTS, "", Document("The trend.", files=(CHART,)), "trend:1")
    replies = await wire.call("conversations.replies", channel=ALERTS, ts=posted.ts)
    assert [file["name"] for message in replies["messages"] for file in message.get("files", [])] == ["trend.png"]
