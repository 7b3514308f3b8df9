"""Spans from a click to a step, as a collector gets them over HTTP: one trace a run, whichever process did what."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from bot.domain.errors import OperationFailed
from bot.domain.runs import RunState
from bot.services.schedules import Schedules, starts_runbook
from bot.tracing import exporting
from tests.collector import Collector, collecting
from tests.fakes import StepTools
from tests.servers import free_port
from tests.unit.test_answers import Office

ERROR = 2


@pytest_asyncio.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as made:
        yield made


@asynccontextmanager
async def traced(collector: Collector) -> AsyncIterator[Office]:
    """What is done in the block is exported when it has ended."""
    async with exporting(collector.endpoint, "this process"):
        yield Office()


async def asked(office: Office) -> str:
    """Aiko sends the runbook's form; answers the id of the run that it made."""
    await office.requests.work(await office.received("UAIKO", kind="submission", action="runbook", value="try-a-thing"))
    async with office.store.work() as work:
        (run,) = await work.runs.recent(9)
    return run.id


async def clicked(office: Office, run: str) -> None:
    await office.requests.work(await office.received("UEMI", kind="action", action="run.approve", value=run))


async def test_the_request_the_approval_and_the_steps_of_a_run_are_one_trace(collector: Collector) -> None:
    async with traced(collector) as office:
        run = await asked(office)
        await clicked(office, run)
        await office.execution.advance(run)
    request, approval = collector.one("slack submission"), collector.one("slack action")
    work, step = collector.one("run try-a-thing"), collector.one("step swap")
    assert {span.trace_id for span in (approval, work, step)} == {request.trace_id}
    assert request.parent_span_id == b""
    assert approval.parent_span_id == work.parent_span_id == request.span_id
    assert step.parent_span_id == work.span_id


async def test_a_worker_in_another_process_writes_into_the_same_trace(collector: Collector) -> None:
    async with traced(collector) as office:
        run = await asked(office)
    async with exporting(collector.endpoint, "another process"):
        await clicked(office, run)
        await office.execution.advance(run)
    assert collector.one("step swap").trace_id == collector.one("slack submission").trace_id
    assert collector.one("run try-a-thing").parent_span_id == collector.one("slack submission").span_id


async def test_a_request_lasts_from_its_receipt_until_its_answer(collector: Collector) -> None:
    async with traced(collector) as office:
        row = await office.received("UAIKO", kind="submission", action="runbook", value="try-a-thing")
        async with office.store.work() as work:
            received = await work.inbox.get(row)
        await office.requests.work(row)
    assert received is not None
    span = collector.one("slack submission")
    assert abs(span.start_time_unix_nano - received.received_at.timestamp() * 1e9) < 1e6
    assert span.end_time_unix_nano > span.start_time_unix_nano


async def test_what_failed_is_an_error_and_tells_nothing_of_what_went_wrong(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_self: Office, _tools: StepTools) -> None:
        raise OperationFailed("password=hunter2 was refused")

    monkeypatch.setattr(Office, "effect", fails)
    async with traced(collector) as office:
        run = await asked(office)
        await clicked(office, run)
        await office.execution.advance(run)
    step = collector.one("step swap")
    assert (step.status.code, step.status.message, list(step.events)) == (ERROR, "StepFailed", [])
    assert b"hunter2" not in collector.sent


async def test_what_the_calendar_starts_is_a_trace_of_its_own(collector: Collector) -> None:
    async with traced(collector) as office:
        schedules = Schedules(office.store, {"nightly": starts_runbook(office.runs, "try-a-thing", "C1")})
        await schedules.start("nightly|2026-11-24T02:00:00+00:00")
        async with office.store.work() as work:
            (run,) = await work.runs.recent(9)
        await clicked(office, run.id)
    root = collector.one("calendar")
    assert (root.parent_span_id, collector.one("slack action").parent_span_id) == (b"", root.span_id)


async def test_without_a_collector_nothing_is_sent_and_everything_works(collector: Collector) -> None:
    async with traced(collector):
        pass
    async with traced(Collector()) as office:
        await clicked(office, await asked(office))
    assert collector.spans == []


async def test_a_collector_that_is_away_costs_spans_and_nothing_else() -> None:
    async with traced(Collector(f"http://127.0.0.1:{free_port()}")) as office:
        run = await asked(office)
        await clicked(office, run)
        await office.execution.advance(run)
        async with office.store.work() as work:
            ended = await work.runs.get(run)
    assert ended is not None
    assert ended.state is RunState.SUCCEEDED
