"""What is known of the backups that the bot made."""

from collections.abc import Sequence
from dataclasses import fields

from psycopg.rows import DictRow
from psycopg.types.json import Json

from bot.domain.backups import Backup, Verdict
from bot.stores.connections import Connection

_ADD = """
INSERT INTO backups (id, run, database, folder, file, size_bytes, sha256, taken_at, expires_at, verdict, tables, rows,
                     bucket, object_key, took, manifest)
VALUES (%(id)s, %(run)s, %(database)s, %(folder)s, %(file)s, %(size_bytes)s, %(sha256)s, %(taken_at)s, %(expires_at)s,
        %(verdict)s, %(tables)s, %(rows)s, %(bucket)s, %(object_key)s, %(took)s, %(manifest)s)
"""


class PostgresBackups:
    """Backups in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, backup: Backup) -> None:
        manifest = None if backup.manifest is None else Json(dict(backup.manifest))
        values = {field.name: getattr(backup, field.name) for field in fields(backup)}
        await self._connection.execute(_ADD, values | {"verdict": backup.verdict.value, "manifest": manifest})

    async def get(self, backup_id: str) -> Backup | None:
        cursor = await self._connection.execute("SELECT * FROM backups WHERE id = %s", (backup_id,))
        row = await cursor.fetchone()
        return _backup(row) if row else None

    async def recent(self, limit: int, database: str = "") -> Sequence[Backup]:
        cursor = await self._connection.execute(
            "SELECT * FROM backups WHERE %(database)s IN ('', database) ORDER BY taken_at DESC, id LIMIT %(limit)s",
            {"limit": limit, "database": database},
        )
        return [_backup(row) for row in await cursor.fetchall()]


def _backup(row: DictRow) -> Backup:
    return Backup(**row | {"verdict": Verdict(row["verdict"])})
