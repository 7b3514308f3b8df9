"""Traces of the whole product: a typed command, the run that it made and each of its steps, in one trace."""

from demo.workspace.client import Workspace
from tests.collector import collecting
from tests.e2e.product import Product, until
from tests.e2e.threads import ask_for


async def test_a_typed_command_leads_to_the_spans_of_its_steps(product: Product, people: Workspace) -> None:
    async with collecting() as collector:
        choices = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        bot = await product.add_bot("Takumi traced", "/takumi-traced", **choices)
        run = await ask_for(people.person("Aiko"), bot, "backup now --to local")
        assert "succeeded" in await run.result()
        await until(lambda: bool(collector.named("run backup-database")))
        await bot.stop()
    work = collector.one("run backup-database")
    (asked,) = [span for span in collector.named("slack command") if span.span_id == work.parent_span_id]
    steps = [span for span in collector.spans if span.name.startswith("step ")]
    assert len(steps) > 1
    assert {(span.trace_id, span.parent_span_id) for span in steps} == {(asked.trace_id, work.span_id)}
    assert product.parts.workspace_token().encode() not in collector.sent
