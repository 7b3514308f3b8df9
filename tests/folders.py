"""A backup folder for tests of rules: it holds what a test says it holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.services.backup_ports import FileSeen


@dataclass
class FakeFolder:
    """Fulfils `BackupFolder`."""

    files: list[FileSeen] = field(default_factory=list)

    link: str = ""

    async def look(self) -> Sequence[FileSeen]:
        return list(self.files)

    async def latest(self) -> str:
        return self.link
