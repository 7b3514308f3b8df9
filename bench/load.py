"""The load generator, a process of its own: `python -m bench.load PORT closed 32 5` prints one JSON line."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from bench.slack_requests import signed_commands


@dataclass(frozen=True)
class Load:
    """What was seen: latencies in seconds, sorted; `refused` counts answers other than 200."""

    latencies: tuple[float, ...]
    took_seconds: float
    refused: int

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.took_seconds

    def percentile(self, percent: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * percent / 100))]


class Connection:
    """A keep-alive connection that sends one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes) -> int:
        """The status of the answer, once it has arrived whole."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        await self._reader.readexactly(_content_length(head))
        return int(head[9:12])

    def close(self) -> None:
        self._writer.close()


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def connect(port: int, count: int) -> list[Connection]:
    return [Connection(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(count)]


async def closed_loop(port: int, connections: int, seconds: float) -> Load:
    """Each connection asks again as soon as it was answered."""
    requests = signed_commands(port)
    opened = await connect(port, connections)
    begun = time.perf_counter()
    results = await asyncio.gather(*(_ask_until(one, requests, begun + seconds) for one in opened))
    return _summed(results, time.perf_counter() - begun, opened)


async def _ask_until(connection: Connection, requests: Iterator[bytes], end: float) -> list[tuple[float, int]]:
    seen = []
    while time.perf_counter() < end:
        request = next(requests)
        begun = time.perf_counter()
        status = await connection.ask(request)
        seen.append((time.perf_counter() - begun, status))
    return seen


async def open_loop(port: int, per_second: int, seconds: float) -> Load:
    """Requests leave at a fixed pace whatever the answers do; a latency counts from the planned instant."""
    requests = signed_commands(port)
    free: asyncio.Queue[Connection] = asyncio.Queue()
    opened = await connect(port, 64)
    for connection in opened:
        free.put_nowait(connection)
    begun = time.perf_counter() + 0.05
    planned = [(begun + index / per_second) for index in range(int(per_second * seconds))]
    results = await asyncio.gather(*(_ask_at(instant, free, next(requests)) for instant in planned))
    return _summed([list(results)], time.perf_counter() - begun, opened)


async def _ask_at(instant: float, free: "asyncio.Queue[Connection]", request: bytes) -> tuple[float, int]:
    await asyncio.sleep(instant - time.perf_counter())
    connection = await free.get()
    status = await connection.ask(request)
    free.put_nowait(connection)
    return time.perf_counter() - instant, status


def _summed(results: list[list[tuple[float, int]]], took: float, opened: list[Connection]) -> Load:
    for connection in opened:
        connection.close()
    seen = [one for result in results for one in result]
    latencies = tuple(sorted(latency for latency, _ in seen))
    return Load(latencies, took, sum(status != 200 for _, status in seen))  # noqa: PLR2004 - HTTP's own number


def main(arguments: list[str]) -> None:
    port, kind, amount, seconds = arguments
    loop = closed_loop if kind == "closed" else open_loop
    print(json.dumps(asdict(asyncio.run(loop(int(port), int(amount), float(seconds))))))


if __name__ == "__main__":
    main(sys.argv[1:])
