"""Spans from a click to a step; whose trace a span is follows from the run's id, so that no row has to carry it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    NoOpTracer,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from bot.domain.runs import Run

# The ids that the next span gets instead of random ones: (trace, span).
NEXT: ContextVar[tuple[int, int] | None] = ContextVar("next span", default=None)
_OFF: Tracer = NoOpTracer()
_tracer: list[Tracer] = [_OFF]
# The run that the request at work has made, if any.
_made: ContextVar[list[str] | None] = ContextVar("made run", default=None)


def use(tracer: Tracer = _OFF) -> None:
    """From now on spans go there; nowhere by default."""
    _tracer[0] = tracer


def ids_of(run_id: str) -> tuple[int, int]:
    """The trace of everything about a run, and the span of the request that made it: the same in every process."""
    drawn = hashlib.sha256(f"takumi:{run_id}".encode()).digest()
    return int.from_bytes(drawn[:16]), int.from_bytes(drawn[16:24])


def made(run_id: str) -> None:
    """The request at work has made this run: its span becomes the parent of all that is done for it."""
    if (noted := _made.get()) is not None:
        noted[:] = [run_id]


@contextmanager
def request(kind: str, row: str, about: str = "", since: datetime | None = None) -> Iterator[None]:
    """A delivery or a calendar's instant, until it is answered; `about` is the id of the run that a button is of.

    `since` is when it was received. Its span is written in retrospect, since only the answer tells which run it made.
    """
    noted: list[str] = []
    token, failed = _made.set(noted), ""
    try:
        yield
    except BaseException as error:
        failed = type(error).__name__
        raise
    finally:
        _made.reset(token)
        if _tracer[0] is not _OFF:
            _write(kind, row, about, since, noted[0] if noted else "", failed)


def _write(kind: str, row: str, about: str, since: datetime | None, run: str, failed: str) -> None:
    attributes = {"takumi.row": row, "takumi.run": run or about}
    start = int(since.timestamp() * 1e9) if since else None
    parent = Context() if run or not about else _after(about)
    # What makes a run while it is about another (an undo, by a button) tells both.
    links = [Link(_context(about))] if run and about and run != about else []
    token = NEXT.set(ids_of(run) if run else None)
    try:
        span = _tracer[0].start_span(kind, parent, SpanKind.SERVER, attributes, links, start)
    finally:
        NEXT.reset(token)
    if failed:
        span.set_status(Status(StatusCode.ERROR, failed))
    span.end()


@contextmanager
def run(run: Run) -> Iterator[None]:
    """A worker's time with a run: a child of the request that made it, however many workers there were."""
    attributes = {"takumi.run": run.id, "takumi.runbook": run.runbook, "takumi.number": run.number}
    with _tracer[0].start_as_current_span(
        f"run {run.runbook}", _after(run.id), attributes=attributes, record_exception=False
    ):
        yield


@contextmanager
def step(key: str, attempt: int) -> Iterator[None]:
    """A step's effect and its verification, inside a worker's time with a run."""
    attributes = {"takumi.step": key, "takumi.attempt": attempt}
    # What an exception says may hold what a trace must not: its kind is enough, the rest is in the run's thread.
    with _tracer[0].start_as_current_span(
        f"step {key}", attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def _context(run_id: str) -> SpanContext:
    trace, span = ids_of(run_id)
    return SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _after(run_id: str) -> Context:
    return set_span_in_context(NonRecordingSpan(_context(run_id)), Context())
