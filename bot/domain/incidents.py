"""What makes requests urgent: an open incident with its severity."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.risk import Severity


@dataclass(frozen=True)
class Incident:
    """Something that is wrong on the platform; open until somebody resolves it."""

    severity: Severity
    title: str
    declared_by: str
    number: int = 0
    declared_at: datetime | None = None
    resolved_by: str = ""
    resolved_at: datetime | None = None
