"""A collector of traces for tests: it takes what OpenTelemetry's exporter posts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bot.web.server import serving


@dataclass
class Collector:
    """What came; a secret in it would be in `sent`."""

    endpoint: str = ""
    spans: list[Span] = field(default_factory=list)
    sent: bytes = b""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.sent += body
        told = ExportTraceServiceRequest.FromString(body)
        self.spans += [span for of in told.resource_spans for scope in of.scope_spans for span in scope.spans]
        return web.Response(body=b"", content_type="application/x-protobuf")

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> Span:
        (found,) = self.named(name)
        return found


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Listens until the block ends."""
    made = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", made.take)
    async with serving(app, "127.0.0.1", 0) as port:
        made.endpoint = f"http://127.0.0.1:{port}"
        yield made
