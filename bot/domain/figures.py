"""What is measured, for Prometheus: a name, what it means, and a value for each set of labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One value of a gauge; figures of one name carry the same labels and the same meaning."""

    name: str
    meaning: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
