"""An incoming webhook like Slack's: the guide's `alertmanager.yml` works with only its `api_url` changed.

Such a message carries no labels. The alert's name and severity are read from the attachment's `fallback`, which
Alertmanager's own template writes; where there is none, the alert counts as P2.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from bot.domain.alerts import AlertGroup, Source
from bot.domain.errors import RequestError, Unavailable, Unrecorded
from bot.domain.risk import Severity
from bot.policy.alert_routes import SEVERITY_OF_LABEL, severity_of

log = structlog.get_logger()

PATH = "/services/{secret:.+}"
_FALLBACK = re.compile(
    r"^\[(?P<state>FIRING|RESOLVED)(?::\d+)?\]\s+(?P<about>[^|]*?)\s*(?:\|\s*(?P<link>\S+)\s*)?$", re.DOTALL
)


@dataclass(frozen=True)
class Message:
    """What such a message tells: one group as far as it can be known, and whether it is over."""

    group: AlertGroup
    description: str
    resolved: bool


Tell = Callable[[AlertGroup, str, bool], Awaitable[AlertGroup]]


def read(body: Any) -> Message:
    """Raises: RequestError with Slack's own word for what is wrong."""
    if not isinstance(body, dict):
        raise RequestError("invalid_payload")
    attachments = body.get("attachments") or []
    if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
        raise RequestError("invalid_attachments")
    first: dict[str, Any] = attachments[0] if attachments else {}
    text = str(first.get("text") or first.get("pretext") or body.get("text") or "").strip()
    title = str(first.get("title") or "").strip()
    if not text and not title:
        raise RequestError("no_text")
    return _message(title or "Message", text, str(first.get("fallback") or ""), str(first.get("title_link") or ""))


def _message(title: str, text: str, fallback: str, link: str) -> Message:
    found = _FALLBACK.match(fallback)
    words = found["about"].split() if found else []
    label = next((word for word in words[1:] if word in SEVERITY_OF_LABEL), "")
    severity = severity_of(words[0], label) if label else Severity.P2
    about = " ".join(words) or title
    key = hashlib.sha256(about.encode()).hexdigest()[:16]
    link = (found["link"] if found else "") or link
    labels = {"alertname": words[0] if words else title} | ({"severity": label} if label else {})
    group = AlertGroup(Source.WEBHOOK, key, severity, labels["alertname"], labels, link=link)
    return Message(group, text, bool(found and found["state"] == "RESOLVED"))


def handler(tell: Tell, secret: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Answers as Slack's webhooks do: `ok`, or one word about what is wrong; 503 when it could not be kept."""

    async def receive(request: web.Request) -> web.StreamResponse:
        given = request.match_info["secret"].rpartition("/")[2]
        if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
            return web.Response(status=403, text="invalid_token")
        try:
            message = read(await _body(request))
        except RequestError as error:
            return web.Response(status=400, text=str(error))
        try:
            await tell(message.group, message.description, message.resolved)
        except (Unavailable, Unrecorded) as error:
            log.warning("webhook.not_kept", error=str(error))
            return web.Response(status=503, text="service_unavailable")
        return web.Response(text="ok")

    return receive


async def _body(request: web.Request) -> Any:
    """JSON, or a form whose `payload` is JSON. Raises: RequestError."""
    raw = await request.text()
    if request.content_type == "application/x-www-form-urlencoded":
        raw = str((await request.post()).get("payload", ""))
    try:
        return json.loads(raw)
    except ValueError:
        raise RequestError("invalid_payload") from None
