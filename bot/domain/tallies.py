"""How often in a row a component was seen bad or well: one bad look is no alert, and one good look is no recovery."""

from dataclasses import dataclass, replace
from datetime import datetime

BAD_LOOKS = 3
WELL_LOOKS = 2


@dataclass(frozen=True)
class Tally:
    """Of one component; `since` is the first bad look of the row, `alert` where it was told, 0 for nowhere."""

    component: str
    bad: int = 0
    well: int = 0
    since: datetime | None = None
    alert: int = 0

    @property
    def is_bad(self) -> bool:
        return self.bad >= BAD_LOOKS

    @property
    def is_well(self) -> bool:
        return self.well >= WELL_LOOKS

    def after(self, is_well: bool, at: datetime) -> "Tally":
        """One look later; trouble lasts until so many good looks in a row, so its beginning is kept until then."""
        if not is_well:
            return replace(self, bad=self.bad + 1, well=0, since=self.since or at)
        later = replace(self, bad=0, well=self.well + 1)
        return later if self.alert and not later.is_well else replace(later, since=None)
