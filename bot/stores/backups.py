"""What is known of backups, and how each verdict on them was settled."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from psycopg.rows import DictRow
from psycopg.types.json import Json

from bot.domain.backups import Backup, Verdict
from bot.domain.verdicts import Aspect, Finding, Retention
from bot.stores.connections import Connection

_COLUMNS = tuple(field.name for field in fields(Backup))
# What may change after a backup was recorded; what it is stays as it was written.
_CHANGING = (
    "verdict", "expires_at", "bucket", "object_key", "rows", "retention", "proven_at", "proven_on", "restore_took",
    "compare_took",
)  # fmt: skip
_ADD = f"INSERT INTO backups ({', '.join(_COLUMNS)}) VALUES ({', '.join(f'%({name})s' for name in _COLUMNS)})"  # noqa: S608 - the names of our own fields
_SAVE = f"UPDATE backups SET {', '.join(f'{name} = %({name})s' for name in _CHANGING)} WHERE id = %(id)s"  # noqa: S608 - the same
_THERE = "retention <> 'deleted'"
_NEWEST = "ORDER BY taken_at DESC, id"


class PostgresBackups:
    """Backups in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, backup: Backup) -> None:
        await self._connection.execute(_ADD.encode(), _values(backup))

    async def save(self, backup: Backup) -> None:
        cursor = await self._connection.execute(_SAVE.encode(), _values(backup))
        if cursor.rowcount != 1:
            raise LookupError(f"there is no backup {backup.id}")

    async def get(self, backup_id: str) -> Backup | None:
        found = await self._find("WHERE id = %(id)s", id=backup_id)
        return found[0] if found else None

    async def of_file(self, file: str) -> Backup | None:
        found = await self._find(f"WHERE file = %(file)s AND retention = 'kept' {_NEWEST} LIMIT 1", file=file)
        return found[0] if found else None

    async def recent(self, limit: int, database: str = "") -> Sequence[Backup]:
        where = f"WHERE %(database)s IN ('', database) {_NEWEST} LIMIT %(limit)s"
        return await self._find(where, database=database, limit=limit)

    async def there(self, database: str = "") -> Sequence[Backup]:
        return await self._find(f"WHERE %(database)s IN ('', database) AND {_THERE} {_NEWEST}", database=database)

    async def note(self, finding: Finding) -> None:
        await self._connection.execute(
            "INSERT INTO backup_findings (backup, aspect, verdict, how, run) VALUES (%s, %s, %s, %s, %s)",
            (finding.backup, finding.aspect.value, finding.verdict, finding.how, finding.run),
        )

    async def findings(self, backup_id: str) -> Sequence[Finding]:
        cursor = await self._connection.execute(
            "SELECT backup, aspect, verdict, how, run, at FROM backup_findings WHERE backup = %s ORDER BY id",
            (backup_id,),
        )
        return [Finding(**row | {"aspect": Aspect(row["aspect"])}) for row in await cursor.fetchall()]

    async def _find(self, where: str, **values: object) -> list[Backup]:
        statement = f"SELECT {', '.join(_COLUMNS)} FROM backups {where}"  # noqa: S608 - every `where` is a constant of this class
        cursor = await self._connection.execute(statement.encode(), values)
        return [_backup(row) for row in await cursor.fetchall()]


def _values(backup: Backup) -> dict[str, Any]:
    manifest = None if backup.manifest is None else Json(dict(backup.manifest))
    plain = {"verdict": backup.verdict.value, "retention": backup.retention.value, "manifest": manifest}
    return {name: getattr(backup, name) for name in _COLUMNS} | plain


def _backup(row: DictRow) -> Backup:
    return Backup(**row | {"verdict": Verdict(row["verdict"]), "retention": Retention(row["retention"])})
