"""HTTP mode: payloads posted to the app's own addresses, signed with its signing secret."""

import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp

from demo.workspace import Json
from demo.workspace.state.apps import InstalledApp

FORM_TYPE = "application/x-www-form-urlencoded"


class HttpRefusedError(Exception):
    """The app answered with something else than a 2xx; `may_retry` is false when it asked for no more."""

    def __init__(self, status: int, *, may_retry: bool) -> None:
        super().__init__(f"HTTP {status}")
        self.may_retry = may_retry


class HttpUnreachableError(Exception):
    """No answer at all; `reason` is Slack's word for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Posting:
    """A request to an app, ready to be signed."""

    url: str
    body: bytes
    content_type: str
    headers: Mapping[str, str]


def form(url: str, fields: Json) -> Posting:
    """A slash command travels as plain form fields."""
    text = {name: _text(value) for name, value in fields.items() if value is not None}
    return Posting(url, urlencode(text).encode(), FORM_TYPE, {})


def interaction(url: str, payload: Json) -> Posting:
    """Clicks, submissions and shortcuts travel as one form field, `payload`."""
    return Posting(url, urlencode({"payload": json.dumps(payload)}).encode(), FORM_TYPE, {})


def event(url: str, payload: Json, retry: int, reason: str) -> Posting:
    headers = {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": reason} if retry else {}
    return Posting(url, json.dumps(payload).encode(), "application/json", headers)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's v0 signature of a request body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


async def send(session: aiohttp.ClientSession, app: InstalledApp, posting: Posting, now_seconds: float) -> Json:
    """Post it and read the answer: JSON as it is, text as `{"text": ...}`, nothing as `{}`.

    Raises: HttpRefusedError, HttpUnreachableError.
    """
    timestamp = str(int(now_seconds))
    headers = {
        "Content-Type": posting.content_type,
        "User-Agent": "Slackbot 1.0 (local stand-in, not Slack)",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": sign(app.signing_secret, timestamp, posting.body),
        **posting.headers,
    }
    try:
        async with session.post(posting.url, data=posting.body, headers=headers, allow_redirects=False) as answer:
            return await _understand(answer)
    except ssl.SSLError as broken:
        raise HttpUnreachableError("ssl_error") from broken
    except aiohttp.ClientError as lost:
        raise HttpUnreachableError("connection_failed") from lost


async def _understand(answer: aiohttp.ClientResponse) -> Json:
    if not answer.ok or answer.status >= 300:  # noqa: PLR2004 # the start of HTTP's redirects
        raise HttpRefusedError(answer.status, may_retry=answer.headers.get("X-Slack-No-Retry") != "1")
    text = await answer.text()
    if not text.strip():
        return {}
    try:
        parsed = json.loads(text) if answer.content_type == "application/json" else text
    except ValueError:
        parsed = text
    return parsed if isinstance(parsed, dict) else {"text": text}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
