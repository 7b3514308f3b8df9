"""How the bot is adopted beside the guide's scripts."""

from pathlib import Path

from pydantic import BaseModel, Field


class AdoptionSettings(BaseModel):
    """Where cron's tables are, and what of the calendar only observes."""

    cron_files: tuple[Path, ...] = Field(
        (Path("/etc/crontab"), Path("/etc/cron.d"), Path("crontab -l")),
        description="The tables of cron that are searched for the guide's scripts, as JSON: files, folders of them, "
        "and `crontab -l` for the bot's own account (take that off for a service that gains no new privileges).",
    )
    observed: tuple[str, ...] = Field(
        (),
        description='What of the calendar only observes, as JSON: ["database-backup", "backup-retention"]. It looks, '
        "and posts what it would do, beside the scripts that still do it (docs/adoption.md).",
    )
