"""The four verdicts on a backup: is it good, was it checked, is it elsewhere too, and how long does it stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Aspect(StrEnum):
    """What a finding is about; each has its own verdict, and none stands for another."""

    BACKUP = "backup"
    VERIFICATION = "verification"
    OFFSITE = "offsite copy"
    RETENTION = "retention"


class Verification(StrEnum):
    """What reading the file from end to end found."""

    INTACT = "intact"
    BROKEN = "broken"


class Offsite(StrEnum):
    """What is known of the copy in S3; `STORED` is S3's own word at the upload, `MATCHES` a comparison since."""

    NONE = "none"
    STORED = "stored"
    MATCHES = "matches"
    DIFFERS = "differs"
    MISSING = "missing"


class Retention(StrEnum):
    """Whether it is still there; what is `ASIDE` was deleted by a person and can be brought back for a while.

    `LOCKED` has gone from this machine, and S3 keeps its copy until a lock ends.
    """

    KEPT = "kept"
    ASIDE = "aside"
    LOCKED = "locked"
    DELETED = "deleted"


@dataclass(frozen=True)
class Finding:
    """One verdict as it was settled: `how` is a sentence, `run` the run that settled it; `at` is set when stored."""

    backup: str
    aspect: Aspect
    verdict: str
    how: str
    run: str = ""
    at: datetime | None = None


def latest(findings: Sequence[Finding]) -> Mapping[Aspect, Finding]:
    """What holds now of each aspect; `findings` are oldest first."""
    return {finding.aspect: finding for finding in findings}


class FileFacts(BaseModel):
    """What has to be known of a file to record it as a backup; `expires_at` is by its name and the retention."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    file: str
    database: str
    size_bytes: int
    sha256: str
    tables: int
    taken_at: AwareDatetime
    expires_at: AwareDatetime


class Changes(BaseModel):
    """What changes in the row of a backup; what is None stays as it is."""

    model_config = ConfigDict(frozen=True)

    verdict: str | None = None
    expires_at: AwareDatetime | None = None
    rows: int | None = None
    retention: Retention | None = None
    proven_at: AwareDatetime | None = None
    proven_on: str | None = None
    restore_took: timedelta | None = None
    compare_took: timedelta | None = None
    bucket: str | None = None
    object_key: str | None = None


class Settled(BaseModel):
    """What an operation found out about a backup, under `settled` in its outcome's data or in its failure's facts.

    It is recorded in the transaction that ends the step. `id` is the row's; without one it is found by its name, and
    `file` facts record a backup that has no row yet.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    id: str = ""
    findings: tuple[tuple[Aspect, str, str], ...] = ()
    changes: Changes = Changes()
    file: FileFacts | None = None
