"""Where spans go: to an OpenTelemetry collector, over HTTP, when one is named."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from bot.services import traces


class Ids(RandomIdGenerator):
    """Random, but where the span of a request gets those of its run."""

    def generate_trace_id(self) -> int:
        fixed = traces.NEXT.get()
        return fixed[0] if fixed else super().generate_trace_id()

    def generate_span_id(self) -> int:
        fixed = traces.NEXT.get()
        return fixed[1] if fixed else super().generate_span_id()


@asynccontextmanager
async def exporting(endpoint: str, owner: str) -> AsyncIterator[None]:
    """Export spans until the block ends, the last of them within seconds; an empty endpoint exports none.

    A collector that is away loses spans, and nothing else: the library logs it and goes on.
    """
    if not endpoint:
        yield
        return
    about = {"service.name": "takumi-bot", "service.instance.id": owner}
    provider = TracerProvider(id_generator=Ids(), resource=Resource(about), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    traces.use(provider.get_tracer("takumi-bot"))
    try:
        yield
    finally:
        traces.use()
        await asyncio.to_thread(provider.shutdown)
