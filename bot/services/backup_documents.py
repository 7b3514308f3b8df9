"""What the lists and cards of backups say: pure functions of what is known of them."""

from collections.abc import Sequence

from bot.domain import phrases
from bot.domain.backups import Backup, Verdict
from bot.domain.documents import Button, Buttons, Document, Fields, Heading, Note, Part, Table, Text
from bot.domain.verdicts import Aspect, Finding, Retention
from bot.services.backups import Listed, Shown

RESTORABLE = 5
WORDS = (
    "Proven: restored into a scratch database and compared, row for row, with what was dumped. Broken: never restore"
    " it. Unproven: nobody knows yet; `backup prove` finds out."
)
HEADER = ("Taken", "File", "Database", "Size", "Rows", "Verdict", "S3", "Expires")


def listing(found: Sequence[Listed], command: str) -> Document:
    """The newest first, what is wrong with each said below the table."""
    if not found:
        return Document(
            "There is no backup yet.", [Text("There is no backup yet."), Text(f"`{command} backup now` makes one.")]
        )
    broken = sum(one.verdict is Verdict.BROKEN for one in found)
    summary = f"{phrases.count(len(found), 'backup')}, newest first" + (f"; {broken} broken." if broken else ".")
    table = Table(HEADER, tuple(_row(one) for one in found), right=frozenset({3, 4}))
    whys = [Text(f"{one.file} is {one.verdict.value}: {one.why}") for one in found if one.why]
    return Document(summary, [Text(summary), table, *whys, *_restores(found), Note(WORDS)])


def _restores(found: Sequence[Listed]) -> tuple[Part, ...]:
    """A button for each of the newest that is not broken: it opens the restore's modal with that backup chosen."""
    whole = [one for one in found if one.verdict is not Verdict.BROKEN and one.seen is not None]
    buttons = tuple(
        Button(f"Restore {one.file}", "runbook.open", f"restore-database|backup={one.file}")
        for one in whole[:RESTORABLE]
    )
    return (Buttons(buttons),) if buttons else ()


def _row(one: Listed) -> tuple[str, ...]:
    row = one.row
    size_bytes = row.size_bytes if row else one.seen.size_bytes if one.seen else 0
    return (
        phrases.instant(one.taken_at),
        one.file,
        row.database if row else "-",
        phrases.size(size_bytes),
        "-" if row is None or row.rows is None else f"{row.rows:,}",
        one.verdict.value,
        "-" if row is None else "yes" if row.object_key else "no",
        "-" if row is None else phrases.instant(row.expires_at)[:10],
    )


def card(shown: Shown) -> Document:
    """The manifest in short, and four verdicts, each with how and when it was settled."""
    one, row = shown.listed, shown.listed.row
    summary = f"{one.file}: {one.verdict.value}" + (f", {one.why}" if one.why else "")
    verdicts = tuple(_verdict(aspect, shown.findings.get(aspect), one) for aspect in Aspect)
    table = Table(("About", "Verdict", "Settled", "How"), verdicts)
    parts: list[Part] = [Text(summary), Heading("Four verdicts"), table]
    if row is not None:
        parts += [Heading("What it is"), Fields(_facts(row))]
        parts += _contents(row)
    else:
        parts.append(Text("The bot did not make it and nobody has verified it: only its name and size are known."))
    return Document(summary, parts)


def _verdict(aspect: Aspect, finding: Finding | None, one: Listed) -> tuple[str, str, str, str]:
    """What was settled; of the backup itself, what its file bears out now goes before what was settled once."""
    label = aspect.value.capitalize()
    if aspect is Aspect.BACKUP and one.why:
        return label, one.verdict.value, "now", one.why
    if finding is None:
        return label, "unknown", "never", "nobody has looked"
    return label, finding.verdict, phrases.instant(finding.at) if finding.at else "", finding.how


def _facts(row: Backup) -> tuple[tuple[str, str], ...]:
    proof: tuple[tuple[str, str], ...] = ()
    if row.restore_took is not None:
        when = phrases.instant(row.proven_at) if row.proven_at else "not compared"
        proof = (("Restored in", phrases.duration(row.restore_took)), ("Proven", f"{when} on {row.proven_on}"))
    place = f"s3://{row.bucket}/{row.object_key}" if row.object_key else "none"
    return (
        ("Database", row.database),
        ("Taken", phrases.instant(row.taken_at)),
        ("File", f"{row.folder}/{row.file}"),
        ("Size", phrases.size(row.size_bytes)),
        ("sha256", row.sha256),
        ("Tables", f"{row.tables:,}"),
        ("Rows", "unknown" if row.rows is None else f"{row.rows:,}"),
        *proof,
        ("Copy in S3", place),
        ("Kept until" if row.retention is Retention.KEPT else row.retention.value, phrases.instant(row.expires_at)),
    )


def _contents(row: Backup) -> list[Part]:
    """The manifest's tables; the rest of it is in the file beside the dump."""
    if row.manifest is None:
        return [Text("It has no manifest: nothing says what it should hold.")]
    tables = row.manifest.get("tables", {})
    rows = tuple((name, f"{table.get('rows', 0):,}", str(table.get("kind", "table"))) for name, table in tables.items())
    server, lsn = row.manifest.get("server_version", ""), row.manifest.get("lsn", "")
    said = Note(f"PostgreSQL {server}, LSN {lsn}, system {row.manifest.get('system_identifier', '')}.")
    return [Heading("Manifest"), Table(("Table", "Rows", "Kind"), rows, right=frozenset({1})), said]
