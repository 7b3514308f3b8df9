"""What senders of alerts post over HTTP, and what they are answered."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.domain.alerts import AlertGroup, Source, Status
from bot.domain.errors import RequestError, Unavailable
from bot.domain.risk import Severity
from bot.policy.rules import Rules
from bot.services.alerts import Alerts
from bot.stores.memory.store import MemoryStore
from bot.web import alertmanager, incoming_webhook
from bot.web.server import application, serving

SHARED = Path(__file__).parents[3] / "shared" / "alertmanager"
SECRET = "s3cret"
ALERT = {
    "status": "firing",
    "labels": {"alertname": "APIDown", "severity": "critical", "instance": "a"},
    "annotations": {"description": "The API is away."},
    "startsAt": "2026-11-23T20:09:40.384593028Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus/graph",
    "fingerprint": "bbf630d9c014094b",
}
PAYLOAD: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="APIDown"}',
    "status": "firing",
    "alerts": [ALERT],
    "commonLabels": {"alertname": "APIDown"},
    "externalURL": "http://alertmanager:9093",
}
SLACK = {
    "channel": "#takumi-alerts",
    "attachments": [
        {
            "title": "Takumi Alert",
            "text": "db1 is down. db2 is down. ",
            "fallback": "[FIRING:2] DatabaseConnectionFailure critical (postgres) | http://alertmanager:9093/#/alerts",
        }
    ],
}


@dataclass
class Surface:
    """The HTTP surface over a store in memory; `away` makes the database not answer."""

    store: MemoryStore
    url: str
    session: aiohttp.ClientSession
    away: bool = False

    async def post(self, body: Any, *, path: str = "/alertmanager", **headers: str) -> tuple[int, str]:
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        async with self.session.post(self.url + path, data=data, headers=headers) as answer:
            return answer.status, await answer.text()

    async def tell(self, body: Any) -> tuple[int, str]:
        return await self.post(body, Authorization=f"Bearer {SECRET}")

    async def groups(self) -> list[AlertGroup]:
        async with self.store.work() as work:
            return list(await work.alerts.recent(50))


@pytest.fixture
async def surface() -> AsyncIterator[Surface]:
    store = MemoryStore()
    alerts = Alerts(store, Rules(alerts_channel="C1"))

    async def take(group: Any, told: Any) -> AlertGroup:
        if made.away:
            raise Unavailable("The database did not answer.")
        return await alerts.take(group, told)

    posts = (
        (alertmanager.PATH, alertmanager.handler(take, SECRET)),
        (incoming_webhook.PATH, incoming_webhook.handler(alerts.tell, SECRET)),
    )

    async def ready() -> dict[str, str]:
        return {}

    async with serving(application(ready, posts), "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        made = Surface(store, f"http://127.0.0.1:{port}", session)
        yield made


async def test_a_delivery_is_kept_before_it_is_answered(surface: Surface) -> None:
    status, said = await surface.tell(PAYLOAD)
    assert (status, json.loads(said)) == (200, {"ok": True, "alert": 1})
    (group,) = await surface.groups()
    assert (group.source, group.severity, group.title) == (Source.ALERTMANAGER, Severity.P0, "APIDown")
    async with surface.store.work() as work:
        (alert,) = await work.alerts.alerts(1)
    assert (alert.fingerprint, alert.ends_at, alert.link) == ("bbf630d9c014094b", None, "http://prometheus/graph")


async def test_a_redelivery_is_the_same_alert(surface: Surface) -> None:
    for _ in range(3):
        assert (await surface.tell(PAYLOAD))[0] == 200
    assert len(await surface.groups()) == 1


async def test_the_group_is_as_urgent_as_its_most_urgent_firing_alert(surface: Surface) -> None:
    low = ALERT | {"fingerprint": "f2", "labels": {"alertname": "Slow", "severity": "info"}}
    high = ALERT | {"fingerprint": "f3", "labels": {"alertname": "Slow", "severity": "warning"}}
    over = ALERT | {"fingerprint": "f4", "status": "resolved", "endsAt": "2026-11-23T21:00:00Z"}
    await surface.tell(PAYLOAD | {"alerts": [low, high, over]})
    assert [group.severity for group in await surface.groups()] == [Severity.P2]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version": "3"}, "version"),
        ({"groupKey": ""}, "groupKey"),
        ({"alerts": []}, "alerts"),
        ({"alerts": [ALERT | {"startsAt": "yesterday"}]}, "alerts.0.startsAt"),
        ({"alerts": [ALERT | {"startsAt": "2026-11-23T20:09:40"}]}, "alerts.0.startsAt"),
        ({"alerts": [ALERT | {"fingerprint": ""}]}, "alerts.0.fingerprint"),
        ({"alerts": [ALERT | {"labels": {"a": 1}}]}, "alerts.0.labels.a"),
        ({"alerts": [ALERT, ALERT | {"status": "odd"}]}, "alerts.1.status"),
    ],
)
async def test_a_malformed_body_is_400_with_the_reason_and_nothing_is_half_stored(
    surface: Surface, change: dict[str, Any], named: str
) -> None:
    status, said = await surface.tell(PAYLOAD | change)
    assert status == 400
    assert named in json.loads(said)["error"]
    assert await surface.groups() == []


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"', b"\xff\xfe"])
async def test_what_is_no_payload_is_400(surface: Surface, body: str | bytes) -> None:
    assert (await surface.tell(body))[0] == 400


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer wrong",
        "Bearer",
        f"Token {SECRET}",
        "Basic !!!",
        f"Basic {base64.b64encode(b'alertmanager:wrong').decode()}",
        f"Basic {base64.b64encode(SECRET.encode()).decode()}",
    ],
)
async def test_who_does_not_know_the_secret_is_refused(surface: Surface, header: str) -> None:
    assert (await surface.post(PAYLOAD, Authorization=header))[0] == 401
    assert await surface.groups() == []


async def test_basic_auth_is_taken_as_alertmanager_sends_it(surface: Surface) -> None:
    header = "Basic " + base64.b64encode(f"alertmanager:{SECRET}".encode()).decode()
    assert (await surface.post(PAYLOAD, Authorization=header))[0] == 200


async def test_without_a_configured_secret_nobody_gets_in() -> None:
    async def never(*_: Any) -> AlertGroup:
        raise AssertionError

    for value in ("Bearer ", "Basic " + base64.b64encode(b"a:").decode()):
        assert not alertmanager._knows(value, "")
    assert alertmanager.handler(never, "") is not None


async def test_what_could_not_be_kept_is_sent_again(surface: Surface) -> None:
    surface.away = True
    assert (await surface.tell(PAYLOAD))[0] == 503
    surface.away = False
    assert (await surface.tell(PAYLOAD))[0] == 200


@pytest.mark.parametrize(("file", "status"), [("firing", Status.FIRING), ("resolved", Status.RESOLVED)])
async def test_what_a_real_alertmanager_sent_is_taken(surface: Surface, file: str, status: Status) -> None:
    path = SHARED / f"alertmanager-0.25-webhook-{file}.json"
    if not path.exists():
        pytest.skip(f"no captured bodies at {path}")
    assert (await surface.tell(path.read_bytes()))[0] == 200
    (group,) = await surface.groups()
    assert (group.title, group.status, group.severity) == ("PostgresDown", status, Severity.P1)


async def webhook(surface: Surface, body: Any, secret: str = SECRET) -> tuple[int, str]:
    return await surface.post(body, path=f"/services/T0/B0/{secret}", **{"Content-Type": "application/json"})


async def test_the_guides_receiver_works_with_its_address_changed(surface: Surface) -> None:
    assert await webhook(surface, SLACK) == (200, "ok")
    (group,) = await surface.groups()
    assert (group.source, group.title, group.severity) == (Source.WEBHOOK, "DatabaseConnectionFailure", Severity.P0)
    assert group.link == "http://alertmanager:9093/#/alerts"
    assert group.is_firing


async def test_its_repetition_edits_and_never_posts_again(surface: Surface) -> None:
    await webhook(surface, SLACK)
    again = SLACK["attachments"][0] | {
        "text": "db1 is down.",
        "fallback": "[FIRING:1] DatabaseConnectionFailure critical (postgres) | x",
    }  # type: ignore[index, operator] # plain data
    await webhook(surface, SLACK | {"attachments": [again]})
    (group,) = await surface.groups()
    assert group.number == 1
    async with surface.store.work() as work:
        (alert,) = await work.alerts.alerts(1)
    assert alert.annotations["description"] == "db1 is down."


@pytest.mark.parametrize(
    "body",
    [
        {"text": "Disk is full"},
        {"attachments": [{"title": "Disk", "text": "is full", "fallback": "Disk is full"}]},
        {"attachments": [{"title": "Disk", "text": "is full", "fallback": "[FIRING:1] Disk  (db)"}]},
    ],
    ids=["bare text", "no template", "no severity"],
)
async def test_without_a_severity_it_is_p2(surface: Surface, body: dict[str, Any]) -> None:
    assert await webhook(surface, body) == (200, "ok")
    assert [group.severity for group in await surface.groups()] == [Severity.P2]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "invalid_payload"),
        ([], "invalid_payload"),
        ({}, "no_text"),
        ({"attachments": "x"}, "invalid_attachments"),
        ({"attachments": ["x"]}, "invalid_attachments"),
    ],
)
async def test_what_slack_would_not_take_is_refused_in_its_words(surface: Surface, body: Any, said: str) -> None:
    assert await webhook(surface, body) == (400, said)


async def test_a_wrong_address_is_refused(surface: Surface) -> None:
    assert (await webhook(surface, SLACK, "guess"))[0] == 403
    assert await surface.groups() == []


async def test_a_form_with_a_payload_is_taken_too(surface: Surface) -> None:
    async with surface.session.post(
        f"{surface.url}/services/T0/B0/{SECRET}", data={"payload": json.dumps(SLACK)}
    ) as answer:
        assert (answer.status, await answer.text()) == (200, "ok")


@pytest.mark.parametrize(("file", "resolved"), [("firing", False), ("resolved", True)])
def test_what_alertmanagers_slack_receiver_sent_is_read(file: str, resolved: bool) -> None:
    path = SHARED / f"alertmanager-0.25-slack-{file}.json"
    if not path.exists():
        pytest.skip(f"no captured bodies at {path}")
    message = incoming_webhook.read(json.loads(path.read_text(encoding="utf-8")))
    assert (message.group.title, message.group.severity, message.resolved) == ("PostgresDown", Severity.P1, resolved)


def test_a_reading_error_names_slacks_word() -> None:
    with pytest.raises(RequestError, match="no_text"):
        incoming_webhook.read({"attachments": [{}]})
