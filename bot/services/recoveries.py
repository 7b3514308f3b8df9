"""Recoveries are measured where they happen: by the proof of a backup, and by a run that brought something back."""

from bot.domain.backups import Backup
from bot.domain.recoveries import Recovery, of_database
from bot.domain.runs import Run
from bot.services.ports import Work


async def measure_proof(work: Work, run: Run, backup: Backup) -> None:
    """How long the restore of a proof took; nothing where there was none."""
    if backup.restore_took is not None:
        where = f" on {backup.proven_on}" if backup.proven_on else ""
        how = f"proof of {backup.file}{where}"
        await work.recoveries.add(Recovery(of_database(backup.database), backup.restore_took, how, run.id))


async def measure_run(work: Work, run: Run, component: str) -> None:
    """How long a run took that brought a component back, from its start to now."""
    if component and run.started_at is not None:
        took = await work.now() - run.started_at
        await work.recoveries.add(Recovery(component, took, f"{run.label}: {run.title}", run.id))
