"""Deliveries of 100 alerts as Alertmanager posts them: `python -m bench.alert_load PORT CONNECTIONS SECONDS [PACE]`."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from bench.load import Connection, Load, connect

PATH = "/alertmanager"
TOKEN = "bench-alerts"  # noqa: S105 - both ends of a benchmark know it
ALERTS = 100
GROUPS = 20


def deliveries(port: int) -> Iterator[bytes]:
    """Each begins every alert of a group anew, so that nothing is known already."""
    began, number = datetime.now(UTC), 0
    while True:
        number += 1
        yield _request(port, number % GROUPS, began + timedelta(milliseconds=number))


def _request(port: int, group: int, starts_at: datetime) -> bytes:
    name = f"Bench{group}"
    alerts = [
        {
            "status": "firing",
            "labels": {"alertname": name, "severity": "warning", "instance": f"node-{number}", "job": "bench"},
            "annotations": {"description": f"Node {number} is slow."},
            "startsAt": starts_at.isoformat(),
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph",
            "fingerprint": f"{group:08x}{number:08x}",
        }
        for number in range(ALERTS)
    ]
    told = {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{name}"}}',
        "status": "firing",
        "receiver": "takumi",
        "alerts": alerts,
        "groupLabels": {"alertname": name},
        "commonLabels": {"alertname": name, "severity": "warning", "job": "bench"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
    }
    body = json.dumps(told).encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def load(port: int, connections: int, seconds: float, pace: float) -> Load:
    """As fast as they are answered, or `pace` deliveries a second in all."""
    opened, requests = await connect(port, connections), deliveries(port)
    begun = time.perf_counter()
    planned = iter(begun + number / pace for number in range(int(pace * seconds))) if pace else None
    found = await asyncio.gather(*(_deliver(one, requests, planned, begun + seconds) for one in opened))
    took = time.perf_counter() - begun
    for one in opened:
        one.close()
    seen = [answer for answers in found for answer in answers]
    return Load(tuple(sorted(latency for latency, _ in seen)), took, sum(status != 200 for _, status in seen))  # noqa: PLR2004 - HTTP's


async def _deliver(
    connection: Connection, requests: Iterator[bytes], planned: Iterator[float] | None, end: float
) -> list[tuple[float, int]]:
    seen = []
    while time.perf_counter() < end:
        request, instant = next(requests), time.perf_counter()
        if planned is not None:
            instant = next(planned, end)
            await asyncio.sleep(max(0.0, instant - time.perf_counter()))
        status = await connection.ask(request)
        seen.append((time.perf_counter() - instant, status))
    return seen


if __name__ == "__main__":
    port, connections, seconds, pace = (float(word) for word in [*sys.argv[1:], "0"][:4])
    print(json.dumps(asdict(asyncio.run(load(int(port), int(connections), seconds, pace)))))
