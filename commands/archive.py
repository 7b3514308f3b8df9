"""`/takumi archive`: to which moments the cluster can be recovered, and what would be lost now."""

from bot.domain import phrases
from bot.domain.archive import ArchiveFacts, ClusterBackup
from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Fields, Note, Part, Reply, Table, Text
from bot.domain.errors import Refused
from bot.services.registry import Services

SHOWN = 20


async def show(_request: Request, services: Services) -> Reply:
    if services.archive is None:
        raise Refused("Recovery to a point in time is not configured.", hint="docs/point-in-time.md says how.")
    facts = await services.archive.look()
    window = facts.window
    said = f"It can be recovered to any moment from {window}." if window else "There is no moment to go back to yet."
    slash = services.places.command
    header = ("Backup", "Kind", "Ended", "Size", "Kept", "Proven", "Recovered in")
    table = Table(header, tuple(_row(one) for one in reversed(facts.backups[-SHOWN:])), right=frozenset({3, 4}))
    parts: list[Part] = [Text(said), Fields(_told(facts)), *([table] if facts.backups else [])]
    note = f"{slash} restore --to-time ... recovers; {slash} backup cluster makes a backup and proves it."
    return Reply(Document(said, [*parts, Note(note)]))


def _told(facts: ArchiveFacts) -> tuple[tuple[str, str], ...]:
    age, at = facts.age, facts.last_archived_at
    return (
        ("Would be lost now", phrases.duration(age) if age is not None else "everything since the last backup"),
        ("Last archived", f"{facts.last_archived_wal}, {phrases.instant(at)}" if at else "nothing yet"),
        ("Archiving", "fails" if facts.failing else "works" if facts.archiving else "is off"),
        ("Failed so far", f"{facts.failed_count:,}"),
    )


def _row(one: ClusterBackup) -> tuple[str, ...]:
    return (
        one.label,
        one.kind,
        phrases.instant(one.stopped_at),
        phrases.size(one.size_bytes),
        phrases.size(one.repository_bytes),
        "damaged" if one.damaged else one.proven[:19] or "no",
        phrases.duration(one.recovery) if one.recovery else "",
    )


FAMILY = Family(
    "archive",
    "How far back the cluster can be recovered.",
    (Command("", "The window, the live loss, and the cluster's backups.", show, example="archive"),),
    Place.ANYWHERE,
)
