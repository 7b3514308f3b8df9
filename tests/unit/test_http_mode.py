"""HTTP mode: nothing unsigned, stale or malformed reaches the inbox."""

import time
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier

from bot.slack.http import handler

SECRET = "signing-secret-of-a-test"
BODY = "command=%2Ftakumi&text=health&trigger_id=1.2"


class Inbox:
    """Notes what reaches it."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def take(self, body: Any) -> BoltResponse | None:
        self.taken.append(body)
        return BoltResponse(status=200, body="") if body.get("command") else None


class Bolt:
    """Notes what is handed on to it."""

    def __init__(self) -> None:
        self.dispatched = 0

    async def async_dispatch(self, _request: Any) -> BoltResponse:
        self.dispatched += 1
        return BoltResponse(status=200, body={"challenge": "x"})


async def send(headers: dict[str, str], body: str = BODY) -> tuple[int, Inbox, Bolt]:
    inbox, bolt = Inbox(), Bolt()
    request = make_mocked_request(
        "POST", "/slack/events", headers={"Content-Type": "application/x-www-form-urlencoded", **headers}
    )
    request._read_bytes = body.encode()
    answer = await handler(bolt, inbox, SECRET)(request)  # type: ignore[arg-type] # stand-ins with the used methods
    assert isinstance(answer, web.Response)
    return answer.status, inbox, bolt


def signed(body: str = BODY, *, age_seconds: int = 0, secret: str = SECRET) -> dict[str, str]:
    timestamp = str(int(time.time()) - age_seconds)
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature or ""}


async def test_a_signed_request_reaches_the_inbox_alone() -> None:
    status, inbox, bolt = await send(signed())
    assert (status, bolt.dispatched) == (200, 0)
    assert inbox.taken[0]["text"] == "health"


async def test_what_the_inbox_does_not_take_goes_on_to_bolt() -> None:
    body = "type=url_verification&challenge=x"
    status, _, bolt = await send(signed(body), body)
    assert (status, bolt.dispatched) == (200, 1)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Request-Timestamp": "1"},
        signed(secret="another-secret"),
        signed(age_seconds=3600),
        signed(age_seconds=-3600),
        signed() | {"X-Slack-Request-Timestamp": "soon"},
        signed() | {"X-Slack-Request-Timestamp": "\u0661\u0662"},
        signed() | {"X-Slack-Signature": "v0="},
        signed("command=%2Ftakumi&text=backup+now&trigger_id=1.2"),
    ],
    ids=["none", "no signature", "wrong secret", "old", "future", "no number", "other digits", "empty", "other body"],
)
async def test_an_unsigned_stale_or_changed_request_reaches_nothing(headers: dict[str, str]) -> None:
    status, inbox, bolt = await send(headers)
    assert status == 401
    assert (inbox.taken, bolt.dispatched) == ([], 0)
