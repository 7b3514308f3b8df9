"""The archive of a cluster as it is now, what forbids its use, and the backups that are made into it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain import phrases
from bot.domain.archive import ArchiveFacts
from bot.domain.errors import OperationFailed, Refused
from bot.domain.operations import Outcome
from bot.operations.files import in_thread
from bot.operations.looking import DatabaseFacts
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.pgbackrest import PgBackRest, must_be_possible_account
from bot.operations.tools.programs import Programs
from bot.operations.tools.repositories import Repository
from bot.operations.tools.sessions import Session
from bot.operations.tools.toolbox import StepTools, Toolbox
from bot.policy.objectives import objective_of

# Who makes himself superuser where there is none for customers: the clouds' managed servers.
VENDORS = {
    "rds_superuser": "Amazon RDS",
    "cloudsqlsuperuser": "Google Cloud SQL",
    "azure_pg_admin": "Azure Database",
}


class PointInTime:
    """Fulfils `ArchiveProbe` (bot.services.archive_ports)."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox

    @property
    def is_configured(self) -> bool:
        return self._toolbox.platform.repository is not None

    async def look(self) -> ArchiveFacts:
        """Raises: Refused where it is not configured or cannot be; OperationFailed."""
        return await look_at_archive(self._toolbox.for_look_up())

    async def check(self) -> str:
        """That WAL which is written now reaches the repository. Raises: BotError."""
        tools = self._toolbox.for_look_up()
        repository = repository_of(tools)
        await PgBackRest(repository).check()
        return f"WAL reaches the repository of {repository.stanza}"


def repository_of(tools: StepTools) -> Repository:
    """Raises: Refused."""
    if tools.platform.repository is None:
        raise Refused(
            "Recovery to a point in time is not configured: there is no repository of WAL.",
            hint="docs/point-in-time.md says how (TAKUMI_BOT_PGBACKREST_STANZA). A managed PostgreSQL is recovered by"
            " its vendor; the dumps of `/takumi backup list` can be restored in any case.",
        )
    return tools.platform.repository


async def look_at_archive(tools: StepTools, name: str = "") -> ArchiveFacts:
    """The archiver of the cluster of that database, and the backups in the repository.

    Raises: Refused for a managed server and for one that does not archive; OperationFailed.
    """
    repository = repository_of(tools)
    must_be_possible_account(repository.account)
    await in_thread(_must_have_program, repository)
    access = tools.database(name)
    async with tools.session(access, access.maintenance_database) as session:
        await _must_have_files(session, access)
        facts = await _archiver(session)
    return ArchiveFacts(*facts, backups=await PgBackRest(repository).info())


async def _archiver(session: Session) -> tuple[datetime, bool, datetime | None, str, bool, int, datetime | None]:
    now, archiving, last_at, last_wal, failed, failed_at = (await session.rows(_ARCHIVER))[0]
    failing = failed_at is not None and (last_at is None or failed_at > last_at)
    return now, archiving, last_at, last_wal or "", failing, failed, failed_at


async def _must_have_files(session: Session, access: DatabaseAccess) -> None:
    vendors = [VENDORS[name] for (name,) in await session.rows(_VENDORS, (list(VENDORS),))]
    if vendors:
        raise Refused(
            f"{access.address} is a managed server ({vendors[0]}): it gives nobody its files or its WAL.",
            hint="Recover it to a point in time with its vendor's own tools; `/takumi restore` of a dump works here.",
        )


def _must_have_program(repository: Repository) -> None:
    if not repository.program.is_file():
        raise Refused(
            f"pgBackRest is missing on the bot's machine ({repository.program}).",
            hint="Install it (apt-get install pgbackrest), or mend TAKUMI_BOT_PGBACKREST_PROGRAM.",
        )


def must_archive(facts: ArchiveFacts, repository: Repository) -> None:
    """Raises: Refused when the server keeps its WAL to itself."""
    if not facts.archiving:
        raise Refused(
            "The server does not archive its WAL (archive_mode is off).",
            hint=f"Set archive_mode = on and archive_command = '{repository.archive_command}', then restart it.",
        )


async def look_up_cluster(tools: StepTools, name: str) -> ArchiveFacts:
    """What a backup of the cluster needs. Raises: Refused, OperationFailed."""
    repository = repository_of(tools)
    facts = await look_at_archive(tools, name)
    must_archive(facts, repository)
    if not await in_thread((repository.data_folder / "PG_VERSION").is_file):
        raise Refused(
            f"The server's files are not at {repository.data_folder} on this machine, or the bot cannot see them.",
            hint="Run the bot where they are, or mend TAKUMI_BOT_PG_DATA_DIR. Recovery works without them.",
        )
    return facts


async def server_programs(tools: StepTools, major: int) -> Programs:
    """A whole server of exactly that version: another one cannot read the copy's files. Raises: OperationFailed."""
    programs = await tools.programs(major)
    if programs.major != major or not programs.path("postgres").is_file():
        raise OperationFailed(
            f"A server of PostgreSQL {major} is missing on the bot's machine: without it no copy can be recovered.",
            hint=f"Install postgresql-{major}, or name its bin folder in TAKUMI_BOT_PG_BIN_DIRS.",
        )
    return programs


def told_archive(facts: ArchiveFacts) -> tuple[str, str]:
    """How the archive is, and what to do about it; no advice where all is well."""
    age, proven = facts.age, facts.newest_proven
    ago = f"last archived {phrases.duration(age)} ago" if age is not None else "nothing archived yet"
    since = f"newest proven backup {proven.label}" if proven else "no proven backup"
    limit = objective_of("Database").recovery_point
    if not facts.archiving:
        return "the server does not archive (archive_mode is off)", "Set archive_mode and archive_command: " + _DOCS
    if facts.failing:
        return f"archiving fails ({facts.failed_count:,} times), {ago}", (
            "Look at the server's log and at the repository's disk: WAL piles up on the server until it works again."
        )
    if proven is None:
        return f"{ago}, {since}", "Without a backup WAL is worth nothing: `/takumi backup cluster --type full`."
    if limit is not None and (age is None or age > limit):
        return f"{ago}, {since}", "More would be lost than the objective allows: set archive_timeout on the server."
    return f"{ago}, {since}", ""


_DOCS = "docs/point-in-time.md."


def told_kind(kind: str) -> str:
    """As people say it."""
    return {"full": "full", "diff": "differential", "incr": "incremental"}[kind]


@dataclass(frozen=True)
class BackUpCluster:
    """Makes a physical backup with pgBackRest. The outcome's data: `label`, `kind`, sizes, `seconds`."""

    database: DatabaseFacts
    repository: str
    kind: str
    timeout: timedelta
    # One more backup does no harm, and pgBackRest goes on with a broken-off one.
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return (
            f"Make a {told_kind(self.kind)} backup of the cluster at {self.database.address}"
            f" (system {self.database.system_identifier}) into the repository of {self.repository} with pgBackRest,"
            f" page checksums looked at; what the retention no longer covers goes"
        )

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        began = datetime.now(UTC)
        made = await PgBackRest(repository_of(tools)).back_up(self.kind)
        if made.damaged:
            raise OperationFailed(
                f"{made.label} was made, but pages of the cluster have wrong checksums.",
                hint="The server's own disk is damaged: look at it before anything else. Do not rely on this backup.",
            )
        took = datetime.now(UTC) - began
        sizes = f"{phrases.size(made.repository_bytes)} kept of {phrases.size(made.size_bytes)}"
        data = {**made.model_dump(mode="json", exclude={"recovery"}), "seconds": round(took.total_seconds(), 3)}
        return Outcome(f"{made.label} ({told_kind(made.kind)}): {sizes}, in {phrases.duration(took)}", data)


@dataclass(frozen=True)
class VerifyRepository:
    """Reads every file of the repository against its checksum."""

    repository: str
    timeout: timedelta
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return f"Read every file in the repository of {self.repository} and compare it with its checksum"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, naming what is missing or damaged."""
        wrong = await PgBackRest(repository_of(tools)).verify()
        if wrong:
            raise OperationFailed(
                f"The repository is damaged: {wrong[:600]}",
                hint="Make a full backup at once (`/takumi backup cluster --type full`), and look at that disk.",
            )
        return Outcome("every file is as it was written")


@dataclass(frozen=True)
class NoteProof:
    """Writes into the repository that, and when, the run's backup was proven."""

    timeout: timedelta = timedelta(minutes=5)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        return "Note in the repository that this backup was recovered and compared, and how long that took"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed."""
        label, took = tools.context.earlier["backup"]["label"], tools.context.earlier["recover"]["seconds"]
        stanza, at = PgBackRest(repository_of(tools)), datetime.now(UTC)
        await stanza.note_proof(label, at, timedelta(seconds=took))
        noted = next((one for one in await stanza.info() if one.label == label), None)
        if noted is None or not noted.proven:
            raise OperationFailed(f"{label} does not bear its proof.", hint="Look at `pgbackrest info --set`.")
        return Outcome(f"{label} is proven; it took {phrases.duration(timedelta(seconds=took))} to recover")


_ARCHIVER = """
SELECT clock_timestamp(), current_setting('archive_mode') <> 'off', last_archived_time, last_archived_wal,
       failed_count, last_failed_time
FROM pg_stat_archiver
"""
_VENDORS = "SELECT rolname::text FROM pg_roles WHERE rolname::text = ANY(%s) ORDER BY 1"
