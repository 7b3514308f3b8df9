"""What an installation's settings make of the platform and of the rules."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import structlog

from bot.config import Settings
from bot.domain.catalog import Catalog
from bot.domain.errors import Misconfigured
from bot.domain.targets import Environment
from bot.engine import schema as queue_schema
from bot.operations.tools.access import (
    NO_SECRET,
    BackupPlaces,
    DatabaseAccess,
    Login,
    OwnDatabase,
    Platform,
    ProofRules,
    StorageRules,
    address_of,
    pooler_of,
    proof_server_of,
)
from bot.operations.tools.alertmanagers import AlertmanagerApi
from bot.operations.tools.anchors import S3Anchors
from bot.operations.tools.repositories import Bucket, Repository
from bot.operations.tools.seals import KeyRing
from bot.policy.escalation import Timetable
from bot.policy.rules import Rules
from bot.policy.schedule import ScheduleRow, firing
from bot.policy.working_hours import read_hours
from bot.services.chaining import Sequencer
from bot.services.gate import Gate
from bot.services.observing import observed_rows
from bot.services.ports import Store
from bot.stores.chain import PostgresChain
from bot.stores.connections import Pool, make_pool, role_of
from bot.stores.migrate import ForeignSchema, TrailRoles, migrate
from bot.stores.signing import Key, Writer, passing_key, read_key

log = structlog.get_logger()


def platform_of(settings: Settings, own: OwnDatabase) -> Platform:
    """How the operations reach the platform, from the settings."""
    databases = (
        _database_of(settings, settings.db_name, settings.environment),
        _database_of(settings, settings.staging_database, staging_of(settings.environment)),
    )
    return Platform(
        databases=databases,
        default_database=settings.db_name,
        backups=_places_of(settings),
        program_folders=settings.pg_bin_dirs,
        own=own,
        repository=_repository_of(settings),
        backend_urls=settings.backend_urls,
        redis_url=settings.redis_url or NO_SECRET,
        chain_rpc_url=settings.chain_rpc_url or NO_SECRET,
        chain_id=settings.chain_id or _CHAIN_IDS.get(settings.network),
        proofs=_proofs_of(settings),
        targets=settings.targets,
        cron_files=settings.cron_files,
    )


def silencer_of(settings: Settings) -> AlertmanagerApi | None:
    """None where Alertmanager's API is not known."""
    url = settings.alertmanager_url
    return AlertmanagerApi(url.get_secret_value()) if url else None


def _proofs_of(settings: Settings) -> ProofRules:
    """Raises: Misconfigured for hours or an address that cannot be read."""
    try:
        hours = read_hours(settings.proof_hours, settings.time_zone) if settings.proof_hours else None
    except ValueError as error:
        raise Misconfigured(f"TAKUMI_BOT_PROOF_HOURS cannot be read: {error}.", hint="Mend it.") from error
    url = settings.proof_database_url
    return ProofRules(
        server=proof_server_of(url, settings.environment) if url else None,
        hours=hours,
        most_bytes=settings.proof_most_gb * 10**9,
        bytes_per_second=settings.proof_mb_per_second * 10**6,
    )


def _places_of(settings: Settings) -> BackupPlaces:
    return BackupPlaces(
        folder=settings.backup_dir,
        retention=settings.retention,
        foreign_expire=settings.expire_foreign,
        cloud=settings.cloud_backup,
        dirs=settings.backup_dirs,
        hashed=settings.backup_hashes,
        forms=settings.backup_formats,
        keys=KeyRing(settings.backup_key, settings.backup_key_files),
        storage=StorageRules(settings.s3_encryption, settings.s3_kms_key_id, settings.s3_lock),
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        endpoint_url=settings.s3_endpoint_url or "",
        access_key=settings.s3_access_key_id or NO_SECRET,
        secret_key=settings.s3_secret_access_key or NO_SECRET,
    )


def _repository_of(settings: Settings) -> Repository | None:
    """None without a stanza. Raises: Misconfigured."""
    if not settings.pgbackrest_stanza:
        return None
    return Repository(
        stanza=settings.pgbackrest_stanza,
        program=settings.pgbackrest_program,
        path=settings.pgbackrest_repository,
        folder=settings.recovery_dir,
        data_folder=settings.pg_data_dir,
        socket_folder=settings.pg_socket_dir,
        port=settings.db_port,
        user=settings.pgbackrest_user,
        password=settings.pgbackrest_password,
        account=settings.pgbackrest_account,
        keep_full=settings.pgbackrest_keep_full,
        processes=settings.pgbackrest_processes,
        bucket=_repository_bucket(settings) if settings.pgbackrest_bucket else None,
    )


def _repository_bucket(settings: Settings) -> Bucket:
    """Raises: Misconfigured."""
    address = address_of(settings.pgbackrest_endpoint) if settings.pgbackrest_endpoint else None
    return Bucket(
        settings.pgbackrest_bucket,
        settings.s3_region,
        host=address.host if address else "",
        port=address.port if address else 443,
        ca_file=settings.pgbackrest_ca_file,
        access_key=settings.s3_access_key_id or NO_SECRET,
        secret_key=settings.s3_secret_access_key or NO_SECRET,
    )


def writer_of(settings: Settings) -> Writer:
    """Who signs this process's entries. Raises: Misconfigured."""
    return Writer(_key_of(settings, settings.audit_key_file, "TAKUMI_BOT_AUDIT_KEY_FILE"))


def chain_of(settings: Settings, pool: Pool) -> PostgresChain:
    """The trail as its sequencer sees it. Raises: Misconfigured."""
    return PostgresChain(pool, _key_of(settings, settings.sequencer_key_file, "TAKUMI_BOT_SEQUENCER_KEY_FILE"))


def _key_of(settings: Settings, path: Path | None, variable: str) -> Key:
    if path is not None:
        return read_key(path)
    if settings.environment is Environment.PRODUCTION:
        raise Misconfigured(
            f"Production signs its audit trail, and {variable} is not set.",
            hint="Make a key: python -m bot audit key FILE. Then name that file.",
        )
    return passing_key()


def tell_passing_keys(settings: Settings) -> None:
    """Outside production a process may sign with keys of its own: said, since nobody can have published those."""
    keys = {
        "TAKUMI_BOT_AUDIT_KEY_FILE": settings.audit_key_file,
        "TAKUMI_BOT_SEQUENCER_KEY_FILE": settings.sequencer_key_file if settings.sequencer_database_url else Path(),
    }
    for variable in (variable for variable, path in keys.items() if path is None):
        told = "made for this process alone: what it signs is trusted only as far as this database's list of keys"
        log.warning("trail.passing_key", variable=variable, told=told, hint="python -m bot audit key FILE")


def anchors_of(settings: Settings) -> S3Anchors | None:
    """Where heads of the trail go; None where no bucket is named."""
    if not settings.anchor_bucket:
        return None
    kept = timedelta(days=settings.anchor_days)
    return S3Anchors(_places_of(settings), settings.anchor_bucket, settings.anchor_prefix, kept)


def gate_of(settings: Settings, store: Store) -> Gate:
    """In production nothing disruptive happens without an anchor, whether a bucket is named or not."""
    anchored = bool(settings.anchor_bucket)
    return Gate(store, anchored=anchored, must_anchor=anchored or settings.environment is Environment.PRODUCTION)


def trail_roles_of(settings: Settings) -> TrailRoles:
    urls = (settings.sequencer_database_url, settings.retention_database_url)
    return TrailRoles(*(role_of(url.get_secret_value()) if url else "" for url in urls))


def _database_of(settings: Settings, name: str, environment: Environment) -> DatabaseAccess:
    login = Login(settings.db_user, settings.db_password)
    restorer = Login(settings.restore_user, settings.restore_password) if settings.restore_user else None
    pooler = pooler_of(settings.pooler_url, name) if settings.pooler_url else None
    return DatabaseAccess(
        name,
        settings.db_host,
        settings.db_port,
        login,
        environment,
        restorer=restorer,
        pooler=pooler,
        replicas=tuple(address_of(text) for text in settings.replicas),
    )


# Source: facts, Contracts.
_CHAIN_IDS = {"polygon": 137, "sepolia": 11155111, "local": 31337}


def staging_of(environment: Environment) -> Environment:
    """What the staging database beside a platform is."""
    return Environment.DEMO if environment is Environment.DEMO else Environment.STAGING


def rules_of(settings: Settings, catalog: Catalog) -> Rules:
    """The rules of approvals. Raises: Misconfigured for glass over a runbook that is not there or never broken."""
    for name in settings.glass_runbooks:
        loaded = catalog.runbooks.get(name)
        if loaded is None or not loaded.runbook.breakable:
            why = "is not there" if loaded is None else "may never be spared an approval"
            raise Misconfigured(f"TAKUMI_BOT_GLASS_RUNBOOKS names {name}, which {why}.", hint="Take it off the list.")
    zone, holidays = settings.time_zone, frozenset(settings.holidays)
    return Rules(
        timetable=Timetable(settings.response_times, read_hours(settings.working_hours, zone, holidays)),
        windows=tuple(read_hours(text, zone) for text in settings.maintenance_windows),
        glass_runbooks=frozenset(settings.glass_runbooks),
        glass_people=frozenset(settings.glass_people),
        approvals_channel=settings.approvals_channel,
        alerts_channel=settings.channel,
        as_production=settings.production_rules_everywhere,
    )


def observed_of(settings: Settings) -> Mapping[str, ScheduleRow]:
    """What of the calendar only observes. Raises: Misconfigured for a name that it does not know."""
    try:
        return observed_rows(firing(clusters=bool(settings.pgbackrest_stanza)), settings.observed)
    except ValueError as error:
        raise Misconfigured(f"TAKUMI_BOT_OBSERVED: {error}.", hint="Mend the name.") from error


def refuse_stand_in(settings: Settings) -> None:
    """Raises: Misconfigured when production would be steered from something that is not Slack."""
    if settings.environment is Environment.PRODUCTION and settings.slack_is_stand_in:
        raise Misconfigured(
            "TAKUMI_BOT_ENVIRONMENT is production, but TAKUMI_BOT_SLACK_API_URL is not Slack's.",
            hint="Use https://slack.com/api/, or another environment.",
        )


def foreign_schemas() -> tuple[ForeignSchema, ...]:
    """The queue's tables, which live in the bot's database beside its own."""
    queue = ForeignSchema(
        queue_schema.NAME, queue_schema.version(), queue_schema.fresh(), queue_schema.upgrades(), queue_schema.GRANTS
    )
    return (queue,)


async def migrate_database(settings: Settings) -> list[str]:
    """Bring the bot's database to this version's schema; answers what was applied. Raises: Misconfigured."""
    owner = settings.migrate_database_url
    if owner is None:
        raise Misconfigured("The role that owns the tables is not known.", hint="Set TAKUMI_BOT_MIGRATE_DATABASE_URL.")
    runtime = settings.database_url.get_secret_value()
    roles = trail_roles_of(settings)
    return await migrate(owner.get_secret_value(), role_of(runtime), foreign_schemas(), trail=roles)


async def sequence(settings: Settings, url: str, owner: str, stop: asyncio.Event) -> None:
    """Chain the trail until `stop`, as the role that may."""
    async with make_pool(url, max_size=3, name="takumi-bot-sequencer") as pool:
        await Sequencer(chain_of(settings, pool), anchors_of(settings), owner).run(stop)
