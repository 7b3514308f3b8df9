"""The look back that broken glass owes."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Review:
    """One a run whose glass was broken; done by anybody but its requester."""

    run: str
    requester: str
    made_at: datetime | None = None
    done_at: datetime | None = None
    done_by: str = ""
    note: str = ""
