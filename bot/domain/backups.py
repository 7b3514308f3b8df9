"""Backups: their names, their manifest, and what may be said about them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bot.domain.verdicts import Retention

FILE_NAME = re.compile(
    r"^(?P<label>takumi_db|pre_restore|[a-z][a-z0-9_]{0,40})_(?P<stamp>\d{8}_\d{6})(?P<ending>\.sql\.gz|\.dump\.zst)$"
)
STAMP_FORMAT = "%Y%m%d_%H%M%S"


class Format(StrEnum):
    """How a dump is written: SQL in gzip, as the guide's scripts do, or pg_dump's custom format in zstd."""

    PLAIN = "plain"
    FAST = "fast"

    @property
    def ending(self) -> str:
        return ".dump.zst" if self is Format.FAST else ".sql.gz"


def format_of(name: str) -> Format:
    """The format that a backup's file name tells."""
    return Format.FAST if name.endswith(Format.FAST.ending) else Format.PLAIN


def file_name(at: datetime, label: str = "takumi_db", form: Format = Format.PLAIN) -> str:
    """The guide's name for a dump taken at that instant (UTC). Source: facts, Backups in the wild."""
    return f"{label}_{at.astimezone(UTC).strftime(STAMP_FORMAT)}{form.ending}"


def taken_at(name: str) -> datetime | None:
    """The instant in a backup's file name, or None when the name is not one of ours or the guide's."""
    match = FILE_NAME.match(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match["stamp"], STAMP_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


class TableKind(StrEnum):
    """What a relation with rows is; only the rows of `TABLE` are in a dump for sure, and so hashed and compared."""

    TABLE = "table"
    PARTITIONED = "partitioned"
    MATERIALIZED_VIEW = "materialized view"
    FOREIGN_TABLE = "foreign table"
    EXTENSION = "of an extension"


class TableCount(BaseModel):
    """One relation as it was dumped; hashes are empty for what is counted only (every kind but `TABLE`)."""

    model_config = ConfigDict(frozen=True)

    rows: int
    hash_1: str = ""
    hash_2: str = ""
    kind: TableKind = TableKind.TABLE


class Contents(BaseModel):
    """What a database holds: in a dump's own snapshot, or in the copy that was restored from the dump.

    `tables` maps `schema.table` to its count and content hash; `sequences` maps `schema.sequence` to its last value
    (None: never used, or it counts down or around, so that no order holds); `structure` counts what has no rows:
    indexes, constraints, triggers, views, functions, policies.
    """

    model_config = ConfigDict(frozen=True)

    tables: Mapping[str, TableCount]
    sequences: Mapping[str, int | None]
    large_objects: TableCount = TableCount(rows=0)
    structure: Mapping[str, int] = {}

    @property
    def count_of_tables(self) -> int:
        return sum(table.kind is TableKind.TABLE for table in self.tables.values())

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values() if table.kind is TableKind.TABLE)

    @property
    def is_hashed(self) -> bool:
        """Whether every value of every row is in a hash; else rows were counted only."""
        return all(table.hash_1 for table in self.tables.values() if table.kind is TableKind.TABLE)


class Manifest(Contents):
    """What a dump holds, taken in the dump's own snapshot while the tables were locked against truncation.

    `rows_written` is the server's own count of rows ever written there, since `stats_reset`: a later count tells how
    many were written after the dump.
    """

    version: int = 1
    database: str
    system_identifier: str
    server_version: str
    lsn: str
    taken_at: AwareDatetime
    file: str
    size_bytes: int
    sha256: str
    source_size_bytes: int = 0
    roles_sha256: str = ""
    rows_written: int | None = None
    stats_reset: AwareDatetime | None = None


def differences(manifest: Contents, found: Contents) -> tuple[str, ...]:
    """Everything in which a restored copy is not what was dumped, as sentences; empty when it is the same."""
    return (
        *_missing_or_added("table", manifest.tables, found.tables),
        *_table_differences(manifest, found),
        *_missing_or_added("sequence", manifest.sequences, found.sequences),
        *_sequence_differences(manifest.sequences, found.sequences),
        *_rows_differ("large objects", manifest.large_objects, found.large_objects),
        *_structure_differences(manifest.structure, found.structure),
    )


def _missing_or_added(what: str, dumped: Mapping[str, Any], restored: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{what} {name} is missing in the copy" for name in sorted(dumped.keys() - restored.keys()))
    yield from (f"{what} {name} is in the copy only" for name in sorted(restored.keys() - dumped.keys()))


def _table_differences(manifest: Contents, found: Contents) -> Iterator[str]:
    for name in sorted(manifest.tables.keys() & found.tables.keys()):
        dumped, restored = manifest.tables[name], found.tables[name]
        if dumped.kind is not restored.kind:
            yield f"{name} was a {dumped.kind.value} and is a {restored.kind.value} in the copy"
        elif dumped.kind is TableKind.TABLE:
            yield from _rows_differ(f"table {name}", dumped, restored)


def _rows_differ(what: str, dumped: TableCount, restored: TableCount) -> Iterator[str]:
    if dumped.rows != restored.rows:
        yield f"{what}: {dumped.rows} rows were dumped, {restored.rows} are in the copy"
    elif dumped.hash_1 and (dumped.hash_1, dumped.hash_2) != (restored.hash_1, restored.hash_2):
        yield f"{what}: as many rows as were dumped ({dumped.rows}), but with other contents"


def _sequence_differences(dumped: Mapping[str, int | None], restored: Mapping[str, int | None]) -> Iterator[str]:
    """Sequences ignore snapshots: pg_dump may have read a later value than the manifest, never an earlier one."""
    for name in sorted(dumped.keys() & restored.keys()):
        before, after = dumped[name], restored[name]
        if before is not None and (after is None or after < before):
            yield f"sequence {name} stood at {before} and stands at {after} in the copy"


def _structure_differences(dumped: Mapping[str, int], restored: Mapping[str, int]) -> Iterator[str]:
    for what in sorted(dumped):
        if dumped[what] != restored.get(what, 0):
            yield f"{dumped[what]} {what} were dumped, {restored.get(what, 0)} are in the copy"


class Verdict(StrEnum):
    """What is known about a backup, never more."""

    PROVEN = "proven"
    UNPROVEN = "unproven"
    BROKEN = "broken"


@dataclass(frozen=True)
class Backup:
    """A backup as the bot's own row says; `object_key` is empty when there is no copy in S3.

    `rows` is None while nobody has counted those of a file that the bot did not make: such a file has no manifest.
    `proven_at`, `proven_on` (an address), `restore_took` and `compare_took` are those of its latest proof.
    """

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
    rows: int | None
    bucket: str = ""
    object_key: str = ""
    took: timedelta = timedelta()
    manifest: Mapping[str, Any] | None = None
    retention: Retention = Retention.KEPT
    proven_at: datetime | None = None
    proven_on: str = ""
    restore_took: timedelta | None = None
    compare_took: timedelta | None = None
