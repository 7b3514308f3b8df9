"""Alertmanager's webhook: `POST /alertmanager`, version 4 of its payload, answered once it is committed."""

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import structlog
from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from bot.domain.alerts import Alert, AlertGroup, Source, Status
from bot.domain.errors import Unavailable, Unrecorded
from bot.policy.alert_routes import severity_of

log = structlog.get_logger()

PATH = "/alertmanager"
# Go's zero time: what fires has no end yet.
NO_END_YEAR = 1
Take = Callable[[AlertGroup, Sequence[Alert]], Awaitable[AlertGroup]]


class AlertTold(BaseModel):
    """One alert of the payload; members that later versions add are ignored."""

    status: Status
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: AwareDatetime = Field(alias="startsAt")
    ends_at: AwareDatetime | None = Field(None, alias="endsAt")
    link: str = Field("", alias="generatorURL")
    fingerprint: str = Field(min_length=1)

    def alert(self) -> Alert:
        over = self.status is Status.RESOLVED and self.ends_at is not None and self.ends_at.year > NO_END_YEAR
        return Alert(
            fingerprint=self.fingerprint,
            status=self.status,
            starts_at=self.starts_at,
            labels=self.labels,
            annotations=self.annotations,
            ends_at=self.ends_at if over else None,
            link=self.link,
        )


class Payload(BaseModel):
    """What Alertmanager posts for one group. Source: its webhook_config, version 4."""

    version: Literal["4"]
    group_key: str = Field(alias="groupKey", min_length=1)
    alerts: list[AlertTold] = Field(min_length=1)
    group_labels: dict[str, str] = Field({}, alias="groupLabels")
    common_labels: dict[str, str] = Field({}, alias="commonLabels")
    common_annotations: dict[str, str] = Field({}, alias="commonAnnotations")
    external_url: str = Field("", alias="externalURL")

    def group(self) -> AlertGroup:
        """As urgent as its most urgent firing alert."""
        firing = [told for told in self.alerts if told.status is Status.FIRING] or self.alerts
        severity = min(
            severity_of(told.labels.get("alertname", ""), told.labels.get("severity", "")) for told in firing
        )
        name = self.common_labels.get("alertname") or self.group_labels.get("alertname")
        return AlertGroup(
            source=Source.ALERTMANAGER,
            key=self.group_key,
            severity=severity,
            title=name or firing[0].labels.get("alertname", "Alert"),
            labels=self.common_labels,
            annotations=self.common_annotations,
            link=self.external_url,
        )


def handler(take: Take, secret: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Answers 401 to whoever does not know the secret, 400 with the reason, 503 when it could not be kept, else 200."""

    async def receive(request: web.Request) -> web.StreamResponse:
        if not _knows(request.headers.get("Authorization", ""), secret):
            return _refused(401, "Send the configured token: `Authorization: Bearer ...`, or as a basic password.")
        try:
            payload = Payload.model_validate_json(await request.read())
        except ValidationError as error:
            return _refused(400, _reason(error))
        try:
            group = await take(payload.group(), [told.alert() for told in payload.alerts])
        except (Unavailable, Unrecorded) as error:
            log.warning("alertmanager.not_kept", error=str(error))
            return _refused(503, f"{error} Send it again.")
        return web.json_response({"ok": True, "alert": group.number})

    return receive


def _refused(status: int, reason: str) -> web.StreamResponse:
    return web.json_response({"ok": False, "error": reason}, status=status)


def _reason(error: ValidationError) -> str:
    """The first thing that is wrong, with its place; the values themselves stay out."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    more = f" ({len(error.errors())} problems in all)" if len(error.errors()) > 1 else ""
    return f"{place}: {first['msg']}{more}".removeprefix(": ")


def _knows(header: str, secret: str) -> bool:
    """A bearer token, or the password of basic auth, whatever the user's name is."""
    kind, _, value = header.partition(" ")
    if kind.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    elif kind.lower() != "bearer":
        return False
    return bool(secret) and hmac.compare_digest(value.encode(), secret.encode())
