"""Spans from a click to a step; whose trace a span is follows from the run's id, so that no row has to carry it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from opentelemetry.context import Context
from opentelemetry.trace import (
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


def use(tracer: Tracer = _OFF) -> None:
    """From now on spans go there; nowhere by default."""
    _tracer[0] = tracer


def ids_of(run_id: str) -> tuple[int, int]:
    """The trace of everything about a run, and the span of the request that made it: the same in every process."""
    drawn = hashlib.sha256(f"takumi:{run_id}".encode()).digest()
    return int.from_bytes(drawn[:16]), int.from_bytes(drawn[16:24])


@dataclass
class _Request:
    """A request while it is answered; `run` is what it made."""

    kind: str
    row: str
    about: str
    since: datetime | None
    run: str = ""

    def write(self, failed: str) -> None:
        attributes = {"takumi.row": self.row, "takumi.run": self.run or self.about}
        start = int(self.since.timestamp() * 1e9) if self.since else None
        token = NEXT.set(ids_of(self.run) if self.run else None)
        try:
            span = _tracer[0].start_span(self.kind, self._parent(), SpanKind.SERVER, attributes, start_time=start)
        finally:
            NEXT.reset(token)
        if failed:
            span.set_status(Status(StatusCode.ERROR, failed))
        span.end()

    def _parent(self) -> Context:
        return _after(self.about) if self.about and not self.run else Context()


_at_work: ContextVar[_Request | None] = ContextVar("request at work", default=None)


def made(run_id: str) -> None:
    """The request at work has made this run: its span becomes the parent of all that is done for it."""
    if (request := _at_work.get()) is not None:
        request.run = run_id


@contextmanager
def request(kind: str, row: str, about: str = "", since: datetime | None = None) -> Iterator[None]:
    """A delivery or a calendar's instant, until it is answered; `about` is the id of the run that a button is of.

    `since` is when it was received. Its span is written in retrospect, since only the answer tells which run it made.
    """
    noted, failed = _Request(kind, row, about, since), ""
    token = _at_work.set(noted)
    try:
        yield
    except BaseException as error:
        failed = type(error).__name__
        raise
    finally:
        _at_work.reset(token)
        if _tracer[0] is not _OFF:
            noted.write(failed)


@contextmanager
def run(of: Run) -> Iterator[None]:
    """A worker's time with a run: a child of the request that made it, however many workers there were."""
    attributes: dict[str, str | int] = {"takumi.run": of.id, "takumi.runbook": of.runbook, "takumi.number": of.number}
    with _tracer[0].start_as_current_span(
        f"run {of.runbook}", _after(of.id), attributes=attributes, record_exception=False, set_status_on_exception=False
    ):
        yield


@contextmanager
def step(key: str, attempt: int) -> Iterator[None]:
    """A step's effect and its verification, inside a worker's time with a run."""
    attributes: dict[str, str | int] = {"takumi.step": key, "takumi.attempt": attempt}
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
