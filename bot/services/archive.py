"""How much would be lost now if the cluster had to be recovered from its archived WAL."""

from dataclasses import dataclass

from bot.domain import phrases
from bot.domain.recoveries import Loss
from bot.services.archive_ports import ArchiveProbe


@dataclass(frozen=True)
class ArchiveLoss:
    """Fulfils `LossProbe`: the age of the last archived WAL, where a proven backup leads to it."""

    probe: ArchiveProbe

    async def look(self) -> Loss | None:
        """None without a repository, without a proven backup, and where nothing was archived yet. Raises: BotError."""
        if not self.probe.is_configured:
            return None
        facts = await self.probe.look()
        proven, at = facts.newest_proven, facts.last_archived_at
        if proven is None or facts.age is None or at is None or at < proven.stopped_at:
            return None
        failing = ", and archiving fails since" if facts.failing else ""
        return Loss(facts.age, f"WAL archived up to {phrases.instant(at)} after {proven.label}{failing}")
