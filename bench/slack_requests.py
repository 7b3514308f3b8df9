"""Signed slash commands as raw HTTP, each with a trigger of its own."""

import hashlib
import hmac
import time
import uuid
from collections.abc import Iterator
from urllib.parse import urlencode

SIGNING_SECRET = "bench-signing-secret"  # noqa: S105 - both ends of a benchmark know it
BOT_TOKEN = "xoxb-bench"  # noqa: S105 - accepted by the benchmark's own auth.test alone
PATH = "/slack/events"
COMMAND = "/takumi"


def signed_commands(port: int) -> Iterator[bytes]:
    """Endless distinct requests, signed with the time at which they are taken."""
    session = uuid.uuid4().hex
    number = 0
    while True:
        number += 1
        yield signed_command(port, f"{number}.{session}")


def signed_command(port: int, trigger_id: str) -> bytes:
    """One keep-alive POST of `/takumi help`, as Slack sends it. Source: Slack, Verifying requests."""
    body = urlencode(_fields(trigger_id)).encode()
    timestamp = str(int(time.time()))
    signature = hmac.new(SIGNING_SECRET.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\n"
        "Accept: application/json,*/*\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"X-Slack-Request-Timestamp: {timestamp}\r\nX-Slack-Signature: v0={signature.hexdigest()}\r\n\r\n"
    )
    return head.encode() + body


def _fields(trigger_id: str) -> dict[str, str]:
    return {
        "token": "bench",
        "team_id": "T0BENCH",
        "team_domain": "bench",
        "channel_id": "C0BENCH",
        "channel_name": "takumi-alerts",
        "user_id": "U0BENCH",
        "user_name": "developer",
        "command": COMMAND,
        "text": "help",
        "api_app_id": "A0BENCH",
        "is_enterprise_install": "false",
        "response_url": f"http://127.0.0.1:9/commands/{trigger_id}",
        "trigger_id": trigger_id,
    }
