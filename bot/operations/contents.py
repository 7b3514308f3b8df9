"""What a database holds, read so that it means the same in another database and on another version.

Source: what was tried on PostgreSQL 15 and 18; a test holds the hashes to be the same on both.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from bot.domain.backups import Contents, TableCount, TableKind
from bot.domain.errors import OperationFailed
from bot.operations.together import together
from bot.operations.tools.sessions import NO_ANSWER, Session, quoted

READERS = 2
PAGES_AT_ONCE = 8192
PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
Opener = Callable[[], AbstractAsyncContextManager[Session]]
Told = Callable[[int, int], Awaitable[None]]

# The text of a value depends on these; without them the same rows have other hashes.
READING = (
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL intervalstyle = 'postgres'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL lc_monetary = 'C'",
    "SET LOCAL search_path = ''",
    "SET LOCAL xmloption = 'content'",
    "SET LOCAL row_security = off",
)


@dataclass(frozen=True)
class Relation:
    """Something with rows; `pages` is what the server counted last, which needs no lock.

    `columns` are those that hold stored values, by name: their order differs in a restored child table whose parent got
    a column late.
    """

    oid: int
    schema: str
    name: str
    kind: TableKind
    columns: tuple[str, ...]
    pages: int = field(default=0, compare=False)

    @property
    def key(self) -> str:
        return readable(self.schema, self.name)

    @property
    def can_be_locked(self) -> bool:
        return self.kind not in (TableKind.MATERIALIZED_VIEW, TableKind.FOREIGN_TABLE)


def readable(schema: str, name: str) -> str:
    """`schema.name`, quoted where it would be read as something else."""
    return ".".join(part if PLAIN_NAME.fullmatch(part) else quoted(part) for part in (schema, name))


async def relations(session: Session) -> tuple[Relation, ...]:
    """Everything with rows that is not the system's, largest first."""
    found = await session.rows(_RELATIONS)
    return tuple(
        Relation(oid, schema, name, _kind(kind, of_extension), tuple(columns), pages)
        for oid, schema, name, kind, of_extension, columns, pages in found
    )


def _kind(relkind: str, of_extension: bool) -> TableKind:
    kinds = {"p": TableKind.PARTITIONED, "m": TableKind.MATERIALIZED_VIEW, "f": TableKind.FOREIGN_TABLE}
    return TableKind.EXTENSION if of_extension else kinds.get(relkind, TableKind.TABLE)


async def read_contents(
    open_session: Opener, found: Sequence[Relation], snapshot: str, told: Told, *, hashed: bool = True
) -> Contents:
    """Count and hash the relations in that snapshot (the present one when empty), several parts at a time.

    Without `hashed` rows are counted only. `told(done, all)` hears of every finished part. Raises: OperationFailed.
    """
    parts = [part for relation in found for part in _parts(relation)]
    queue, tables = list(reversed(parts)), dict[str, TableCount]()

    async def read_tables() -> None:
        async with open_session() as session:
            await begin_reading(session, snapshot)
            while queue:
                part = queue.pop()
                counted = await _count(session, part, hashed=hashed)
                tables[part.relation.key] = _sum(tables.get(part.relation.key), counted)
                await told(len(parts) - len(queue), len(parts))

    async def read_rest() -> Contents:
        async with open_session() as session:
            await begin_reading(session, snapshot)
            return await _read_rest(session)

    rest, *_ = await together(read_rest(), *(read_tables() for _ in range(READERS)))
    return Contents(**dict(rest) | {"tables": dict(sorted(tables.items()))})


async def begin_reading(session: Session, snapshot: str = "") -> None:
    """A transaction that sees one moment, reads values in one form, and errs where rows would be hidden."""
    await session.rows("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    if snapshot:
        await session.rows(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
    for setting in READING:
        await session.rows(setting)


@dataclass(frozen=True)
class Part:
    """The rows of a relation in some of its pages; the last part has no end."""

    relation: Relation
    first_page: int
    end_page: int | None


def _parts(relation: Relation) -> list[Part]:
    """Parts of equal size, so that one big table does not keep a single reader busy."""
    starts = range(0, max(relation.pages, 1), PAGES_AT_ONCE) if relation.kind is TableKind.TABLE else (0,)
    ends = (*starts[1:], None)
    return [Part(relation, start, end) for start, end in zip(starts, ends, strict=True)]


def _sum(one: TableCount | None, other: TableCount) -> TableCount:
    """Sums of hashes are sums of their parts."""
    if one is None:
        return other
    if not one.hash_1:
        return TableCount(rows=one.rows + other.rows, kind=one.kind)
    first, second = int(one.hash_1) + int(other.hash_1), int(one.hash_2) + int(other.hash_2)
    return TableCount(rows=one.rows + other.rows, hash_1=str(first), hash_2=str(second), kind=one.kind)


async def _count(session: Session, part: Part, *, hashed: bool) -> TableCount:
    kind = part.relation.kind
    if kind is TableKind.PARTITIONED:
        return TableCount(rows=0, kind=kind)
    if kind is TableKind.TABLE and not hashed:
        return TableCount(rows=await session.value(row_count(part)))
    if kind is TableKind.TABLE:
        rows, first, second = (await session.rows(content_hash(part)))[0]
        return TableCount(rows=rows, hash_1=str(first), hash_2=str(second))
    return TableCount(rows=await _count_only(session, part.relation), kind=kind)


async def _count_only(session: Session, relation: Relation) -> int:
    """-1 where it cannot be counted: an unpopulated view, a foreign server that is away. Its rows are in no dump."""
    await session.rows("SAVEPOINT counting")
    try:
        rows = await session.value(f"SELECT count(*) FROM {quoted(relation.schema, relation.name)}")  # noqa: S608 - quoted
    except OperationFailed as error:
        if error.facts["sqlstate"] == NO_ANSWER:
            raise
        await session.rows("ROLLBACK TO SAVEPOINT counting")
        return -1
    return int(rows)


def content_hash(part: Part) -> str:
    """The statement that counts rows and hashes every stored value of each, in any order of rows.

    Sums, not XOR, in which equal pairs of rows cancel; ROW(...) and not the table's name, which a column may capture;
    OFFSET 0, without which each row would be turned into text twice.
    """
    relation = part.relation
    columns = ", ".join(quoted(column) for column in relation.columns)
    return _CONTENT_HASH.format(columns=columns, table=quoted(relation.schema, relation.name), where=_where(part))


def row_count(part: Part) -> str:
    """The statement that counts rows and looks at no value."""
    table = quoted(part.relation.schema, part.relation.name)
    return f"SELECT count(*) FROM ONLY {table} WHERE {_where(part)}"  # noqa: S608 - quoted


def _where(part: Part) -> str:
    end = "" if part.end_page is None else f" AND ctid < '({part.end_page},0)'"
    return f"ctid >= '({part.first_page},0)'{end}"


async def _read_rest(session: Session) -> Contents:
    rows, first, second = (await session.rows(_LARGE_OBJECTS))[0]
    return Contents(
        tables={},
        sequences=await _sequences(session),
        large_objects=TableCount(rows=rows, hash_1=str(first), hash_2=str(second)),
        structure=dict(await session.rows(_STRUCTURE)),
    )


async def _sequences(session: Session) -> dict[str, int | None]:
    """Read from each sequence itself: the view of all of them is silent about those we may not read."""
    values: dict[str, int | None] = {}
    for schema, name, counts_up in await session.rows(_SEQUENCES):
        (last, called), *_ = await session.rows(f"SELECT last_value, is_called FROM {quoted(schema, name)}")  # noqa: S608 - quoted
        values[readable(schema, name)] = last if called and counts_up else None
    return values


_RELATIONS = """
SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text,
       EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
               AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'),
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
             ORDER BY a.attname COLLATE "C"),
       c.relpages
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY c.relpages DESC, n.nspname, c.relname
"""

_CONTENT_HASH = """
SELECT count(*), coalesce(sum(hashtextextended(x, 1)), 0), coalesce(sum(hashtextextended(x, 2)), 0)
FROM (SELECT ROW({columns})::text COLLATE "C" AS x FROM ONLY {table} WHERE {where} OFFSET 0) AS q
"""

_SEQUENCES = """
SELECT n.nspname::text, c.relname::text, s.seqincrement > 0 AND NOT s.seqcycle
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
"""

_LARGE_OBJECTS = """
SELECT count(*), coalesce(sum(hashtextextended(x, 1)), 0), coalesce(sum(hashtextextended(x, 2)), 0)
FROM (SELECT (m.oid::text || ':' || encode(sha256(lo_get(m.oid)), 'hex')) COLLATE "C" AS x
      FROM pg_largeobject_metadata m) AS q
"""

# Only what a dump carries and every version counts alike: no invalid indexes, nothing that a partition got from its
# parent, no NOT NULL constraints (from 18 on they are constraints with a name).
_STRUCTURE = """
WITH of_extension AS (
    SELECT classid, objid FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
), users AS (
    SELECT oid FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'
), relation AS (
    SELECT oid, relkind FROM pg_class WHERE relnamespace IN (SELECT oid FROM users) AND relpersistence <> 't'
    AND (tableoid, oid) NOT IN (SELECT classid, objid FROM of_extension)
)
SELECT 'indexes', count(*) FROM pg_index i JOIN relation r ON r.oid = i.indrelid
WHERE i.indisready AND (i.indisvalid OR r.relkind = 'p')
UNION ALL
SELECT 'constraints', count(*) FROM pg_constraint c JOIN relation r ON r.oid = c.conrelid
WHERE c.contype IN ('c', 'f', 'p', 'u', 'x') AND c.conparentid = 0
UNION ALL
SELECT 'triggers', count(*) FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgparentid = 0
UNION ALL
SELECT 'views', count(*) FROM relation WHERE relkind = 'v'
UNION ALL
SELECT 'policies', count(*) FROM pg_policy p JOIN relation r ON r.oid = p.polrelid
UNION ALL
SELECT 'functions', count(*) FROM pg_proc WHERE pronamespace IN (SELECT oid FROM users)
AND (tableoid, oid) NOT IN (SELECT classid, objid FROM of_extension)
"""
