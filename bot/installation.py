"""What an installation's settings make of the platform and of the rules."""

from bot.config import Settings
from bot.domain.catalog import Catalog
from bot.domain.errors import Misconfigured
from bot.domain.targets import Environment
from bot.operations.tools.access import (
    NO_SECRET,
    BackupPlaces,
    DatabaseAccess,
    Login,
    OwnDatabase,
    Platform,
    address_of,
    pooler_of,
)
from bot.policy.escalation import Timetable
from bot.policy.rules import Rules
from bot.policy.working_hours import read_hours


def platform_of(settings: Settings, own: OwnDatabase) -> Platform:
    """How the operations reach the platform, from the settings."""
    databases = (
        _database_of(settings, settings.db_name, settings.environment),
        _database_of(settings, settings.staging_database, staging_of(settings.environment)),
    )
    backups = BackupPlaces(
        folder=settings.backup_dir,
        retention=settings.retention,
        cloud=settings.cloud_backup,
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        endpoint_url=settings.s3_endpoint_url or "",
        access_key=settings.s3_access_key_id or NO_SECRET,
        secret_key=settings.s3_secret_access_key or NO_SECRET,
    )
    return Platform(
        databases=databases,
        default_database=settings.db_name,
        backups=backups,
        program_folders=settings.pg_bin_dirs,
        own=own,
        backend_urls=settings.backend_urls,
        redis_url=settings.redis_url or NO_SECRET,
        chain_rpc_url=settings.chain_rpc_url or NO_SECRET,
        chain_id=settings.chain_id or _CHAIN_IDS.get(settings.network),
    )


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
    )


def refuse_stand_in(settings: Settings) -> None:
    """Raises: Misconfigured when production would be steered from something that is not Slack."""
    if settings.environment is Environment.PRODUCTION and settings.slack_is_stand_in:
        raise Misconfigured(
            "TAKUMI_BOT_ENVIRONMENT is production, but TAKUMI_BOT_SLACK_API_URL is not Slack's.",
            hint="Use https://slack.com/api/, or another environment.",
        )
