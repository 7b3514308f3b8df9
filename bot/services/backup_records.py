"""What becomes known of backups, recorded together with the outcome of the step that found it out."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain import phrases
from bot.domain.audit import Entry, Verb
from bot.domain.backups import Backup, Verdict
from bot.domain.people import ENGINE
from bot.domain.runs import Run
from bot.domain.verdicts import Aspect, FileFacts, Finding, Offsite, Retention, Settled, Verification
from bot.services.ports import Work
from bot.services.recoveries import measure_proof

SETTLED = "settled"


async def record_backup(work: Work, run: Run, data: Mapping[str, Any]) -> None:
    """Keep what a backup's last step found, as `bot.operations.publishing` lists it, with its first four verdicts."""
    backup = Backup(
        id=f"{run.id}",
        run=run.id,
        database=data["database"],
        folder=data["folder"],
        file=data["file"],
        size_bytes=data["size_bytes"],
        sha256=data["sha256"],
        taken_at=datetime.fromisoformat(data["taken_at"]),
        expires_at=datetime.fromisoformat(data["expires_at"]),
        verdict=Verdict(data["verdict"]),
        tables=data["tables"],
        rows=data["rows"],
        bucket=data.get("bucket", ""),
        object_key=data.get("object_key", ""),
        took=_seconds(data.get("took_seconds")) or timedelta(),
        manifest=data.get("manifest"),
        proven_at=datetime.fromisoformat(data["proven_at"]) if data.get("proven_at") else None,
        proven_on=data.get("proven_on", ""),
        restore_took=_seconds(data.get("restore_seconds")),
        compare_took=_seconds(data.get("compare_seconds")),
    )
    await work.backups.add(backup)
    await measure_proof(work, run, backup)
    for aspect, verdict, how in _first_findings(backup):
        await work.backups.note(Finding(backup.id, aspect, verdict, how, run.id))
    await _enter(work, run, backup)


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)


def _first_findings(backup: Backup) -> tuple[tuple[Aspect, str, str], ...]:
    if backup.object_key:
        offsite = (Offsite.STORED, f"s3://{backup.bucket}/{backup.object_key}, checked by S3 as it arrived")
    else:
        offsite = (Offsite.NONE, "it is on this machine alone")
    proof = "nobody has restored it yet"
    if backup.restore_took is not None:
        where = f" on {backup.proven_on}" if backup.proven_on else ""
        proof = f"restored{where} in {phrases.duration(backup.restore_took)} and compared with the dump's own snapshot"
    return (
        (Aspect.BACKUP, backup.verdict.value, proof),
        (Aspect.VERIFICATION, Verification.INTACT.value, "read again in its place against its checksum"),
        (Aspect.OFFSITE, offsite[0].value, offsite[1]),
        (Aspect.RETENTION, Retention.KEPT.value, f"until {phrases.instant(backup.expires_at)}"),
    )


async def record_settled(work: Work, run: Run, data: Mapping[str, Any]) -> None:
    """Keep what a step settled about a backup; a file that nobody knew is recorded as a backup first."""
    settled = Settled.model_validate(dict(data))
    backup = await (work.backups.get(settled.id) if settled.id else work.backups.of_file(settled.name))
    if backup is None and settled.file is not None:
        backup = _adopted(run, settled.file)
        await work.backups.add(backup)
    if backup is None:
        return
    changes = {name: value for name, value in dict(settled.changes).items() if value is not None}
    if "verdict" in changes:
        changes["verdict"] = Verdict(changes["verdict"])
    backup = replace(backup, **changes)
    await work.backups.save(backup)
    if changes.get("restore_took") is not None:
        await measure_proof(work, run, backup)
    for aspect, verdict, how in settled.findings:
        await work.backups.note(Finding(backup.id, aspect, verdict, how, run.id))
    await _enter(work, run, backup)


def _adopted(run: Run, facts: FileFacts) -> Backup:
    """A file of the guide's scripts: its rows are unknown until a proof has counted them."""
    return Backup(
        id=f"{facts.sha256[:20]}:{run.id}",
        run=run.id,
        database=facts.database,
        folder=str(facts.folder),
        file=facts.file,
        size_bytes=facts.size_bytes,
        sha256=facts.sha256,
        taken_at=facts.taken_at,
        expires_at=facts.expires_at,
        verdict=Verdict.UNPROVEN,
        tables=facts.tables,
        rows=None,
    )


async def _enter(work: Work, run: Run, backup: Backup) -> None:
    details = {
        "file": backup.file,
        "sha256": backup.sha256,
        "rows": backup.rows,
        "verdict": backup.verdict,
        "retention": backup.retention,
    }
    await work.audit.record(Entry(ENGINE, Verb.BACKUP_RECORDED, backup.file, run.id, run.digest, details))
