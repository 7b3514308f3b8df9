"""Prometheus' text format, as far as the small API needs it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_DURATIONS = {
    "takumi_http_request_duration_seconds": "Duration of HTTP requests in seconds",
    "takumi_api_latency_seconds": "API endpoint latency",
}

Labels = tuple[tuple[str, str], ...]


@dataclass
class RequestMetrics:
    """What the API counts about its own requests."""

    requests: Counter[Labels] = field(default_factory=Counter)
    durations_seconds: dict[Labels, list[float]] = field(default_factory=lambda: defaultdict(_no_durations))

    def record(self, method: str, route: str, status: int, duration_seconds: float) -> None:
        labels = (("method", method), ("route", route), ("status", str(status)))
        self.requests[labels] += 1
        sums = self.durations_seconds[labels]
        for index, bound in enumerate(_BUCKETS_SECONDS):
            sums[index] += duration_seconds <= bound
        sums[-1] += duration_seconds

    def render(self, gauges: Mapping[str, float]) -> str:
        """The page of `/metrics`; `gauges` are the values that were looked up for it."""
        return "\n".join([*self._counters(), *self._histograms(), *_render_gauges(gauges)]) + "\n"

    def _counters(self) -> Iterator[str]:
        yield from _head("takumi_http_requests_total", "Number of HTTP requests", "counter")
        for labels, count in self.requests.items():
            yield f"takumi_http_requests_total{_braces(labels)} {count}"
        yield from _head("takumi_profile_creations_total", "Total number of profile creations", "counter")
        yield "takumi_profile_creations_total 0"

    def _histograms(self) -> Iterator[str]:
        for name, help_text in _DURATIONS.items():
            yield from _head(name, help_text, "histogram")
            for labels, sums in self.durations_seconds.items():
                for bound, count in zip(_BUCKETS_SECONDS, sums, strict=False):
                    yield f"{name}_bucket{_braces((*labels, ('le', str(bound))))} {count:.0f}"
                yield f"{name}_bucket{_braces((*labels, ('le', '+Inf')))} {self.requests[labels]}"
                yield f"{name}_sum{_braces(labels)} {sums[-1]:.6f}"
                yield f"{name}_count{_braces(labels)} {self.requests[labels]}"


def _no_durations() -> list[float]:
    """Counts by bucket, then the sum of seconds."""
    return [0.0] * (len(_BUCKETS_SECONDS) + 1)


def _render_gauges(gauges: Mapping[str, float]) -> Iterator[str]:
    for name, value in gauges.items():
        yield from _head(name, name.removeprefix("takumi_").replace("_", " "), "gauge")
        yield f"{name} {value:g}" if value != int(value) else f"{name} {value:.0f}"


def _head(name: str, help_text: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {kind}"


def _braces(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}"
