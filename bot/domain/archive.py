"""A cluster's backups and its archived WAL: how far back one can go, and how much would be lost now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bot.domain import phrases
from bot.domain.errors import RequestError


class ClusterBackup(BaseModel):
    """A physical backup of a whole cluster, as its repository lists it.

    `kind` is full, diff or incr; `needs` are the labels without which it is worth nothing. `proven` is empty, or says
    when the bot restored and compared it; `recovery` is how long that restore took.
    """

    model_config = ConfigDict(frozen=True)

    label: str
    kind: str
    started_at: AwareDatetime
    stopped_at: AwareDatetime
    size_bytes: int
    repository_bytes: int
    needs: tuple[str, ...] = ()
    damaged: bool = False
    proven: str = ""
    recovery: timedelta | None = None


class Window(BaseModel):
    """The moments to which a cluster can be recovered, both ends included."""

    model_config = ConfigDict(frozen=True)

    first: AwareDatetime
    last: AwareDatetime

    def __str__(self) -> str:
        return f"{phrases.instant(self.first)} to {phrases.instant(self.last)}"


@dataclass(frozen=True)
class ArchiveFacts:
    """How the archive of a cluster is, on the server's clock.

    `failing` is whether the last attempt to archive failed. `archiving` is false where the server does not archive at
    all. `backups` are oldest first.
    """

    looked_at: datetime
    archiving: bool
    last_archived_at: datetime | None
    last_archived_wal: str
    failing: bool
    failed_count: int
    last_failed_at: datetime | None
    backups: tuple[ClusterBackup, ...] = ()

    @property
    def age(self) -> timedelta | None:
        """The live loss window: what was committed within it may be nowhere but on the server. None: no bound."""
        if not self.archiving or self.last_archived_at is None:
            return None
        return max(self.looked_at - self.last_archived_at, timedelta())

    @property
    def newest_backup(self) -> ClusterBackup | None:
        return next((one for one in reversed(self.backups) if not one.damaged), None)

    @property
    def newest_proven(self) -> ClusterBackup | None:
        return next((one for one in reversed(self.backups) if one.proven and not one.damaged), None)

    @property
    def window(self) -> Window | None:
        """None without a sound backup. While archiving works, everything up to now can still be archived."""
        first = next((one.stopped_at for one in self.backups if not one.damaged), None)
        last = self.last_archived_at if self.failing or not self.archiving else self.looked_at
        # A whole second later: the repository's instants are whole seconds, and it wants one before the target.
        return Window(first=first + timedelta(seconds=1), last=max(last, first)) if first and last else None


def must_be_within(window: Window | None, at: datetime, now: datetime) -> None:
    """Raises: RequestError for a moment to which nothing leads, naming those to which something does."""
    if at > now:
        hint = "Give a moment in the past."
        raise RequestError(f"{phrases.instant(at)} is in the future.", hint=hint, fields={"to_time": hint})
    if window is None:
        raise RequestError(
            "There is no backup of the cluster yet, so there is no moment to go back to.",
            hint="`/takumi backup cluster --type full` makes one; earlier moments are in the daily dumps alone.",
        )
    if not window.first <= at <= window.last:
        hint = f"The archive reaches from {window}."
        said = f"{phrases.instant(at)} is {'before' if at < window.first else 'after'} what the archive holds."
        raise RequestError(said, hint=hint, fields={"to_time": hint})


def backup_before(backups: Sequence[ClusterBackup], at: datetime) -> ClusterBackup | None:
    """The newest proven backup from which that moment can be reached; the newest sound one where none is proven.

    From an older one it takes longer, but it is known to lead there.
    """
    fitting = [one for one in backups if not one.damaged and one.stopped_at + timedelta(seconds=1) <= at]
    return max(fitting, key=lambda one: (bool(one.proven), one.stopped_at), default=None)
