"""Backups: their names, their manifest, and what may be said about them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

FILE_NAME = re.compile(r"^(?P<label>takumi_db|pre_restore|[a-z][a-z0-9_]{0,40})_(?P<stamp>\d{8}_\d{6})\.sql\.gz$")
STAMP_FORMAT = "%Y%m%d_%H%M%S"


def file_name(at: datetime, label: str = "takumi_db") -> str:
    """The guide's name for a dump taken at that instant (UTC). Source: facts, Backups in the wild."""
    return f"{label}_{at.astimezone(UTC).strftime(STAMP_FORMAT)}.sql.gz"


def taken_at(name: str) -> datetime | None:
    """The instant in a backup's file name, or None when the name is not one of ours or the guide's."""
    match = FILE_NAME.match(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match["stamp"], STAMP_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


class TableCount(BaseModel):
    """One relation as it was dumped; hashes are empty for what is counted only (materialized views, foreign tables)."""

    model_config = ConfigDict(frozen=True)

    rows: int
    hash_1: str = ""
    hash_2: str = ""


class Manifest(BaseModel):
    """What a dump holds, taken in the dump's own snapshot while the tables were locked against truncation.

    `tables` maps `schema.table` to its count and content hash; `sequences` maps `schema.sequence` to its last value
    (None: never used).
    """

    model_config = ConfigDict(frozen=True)

    version: int = 1
    database: str
    system_identifier: str
    server_version: str
    lsn: str
    taken_at: AwareDatetime
    file: str
    size_bytes: int
    sha256: str
    tables: Mapping[str, TableCount]
    sequences: Mapping[str, int | None]
    large_objects: TableCount = TableCount(rows=0)

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


class Verdict(StrEnum):
    """What is known about a backup, never more."""

    PROVEN = "proven"
    UNPROVEN = "unproven"
    BROKEN = "broken"


@dataclass(frozen=True)
class Backup:
    """A backup as the bot's own row says; `object_key` is empty when there is no copy in S3."""

    id: str
    run: str
    database: str
    folder: str
    file: str
    size_bytes: int
    sha256: str
    taken_at: datetime
    expires_at: datetime
    verdict: Verdict
    tables: int
    rows: int
    bucket: str = ""
    object_key: str = ""
    took: timedelta = timedelta()
    manifest: Mapping[str, Any] | None = None
