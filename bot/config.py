"""Settings from the environment; the bot's own have the prefix TAKUMI_BOT_, the guide's keep their names."""

from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.domain.people import Role
from bot.domain.risk import Severity
from bot.domain.targets import Environment
from bot.policy.working_hours import read_hours


class SlackMode(StrEnum):
    """How Slack reaches the bot."""

    SOCKET = "socket"
    HTTP = "http"


def _guide(name: str) -> Any:
    """A variable of the guide: it keeps its own name."""
    return AliasChoices(name, name.lower())


def _truth(value: Any) -> Any:
    """The guide's scripts write `CLOUD_BACKUP=true`; an empty variable means what an unset one means."""
    return False if value == "" else value


class Settings(BaseSettings):
    """Every setting of the bot. Raises: pydantic.ValidationError naming the variable that is wrong."""

    model_config = SettingsConfigDict(env_prefix="TAKUMI_BOT_", frozen=True, extra="ignore", populate_by_name=True)

    database_url: SecretStr = Field(
        description="The bot's own PostgreSQL database, reached directly (never through a transaction-mode pooler), "
        "as the role that can neither alter nor delete.",
    )
    migrate_database_url: SecretStr | None = Field(
        None, description="The same database as the role that owns the tables; only `python -m bot migrate` uses it."
    )
    sequencer_database_url: SecretStr | None = Field(
        None,
        description="The same database as the role that chains the audit trail; without it, this process does not. "
        "`migrate` grants that role its rights.",
    )
    retention_database_url: SecretStr | None = Field(
        None, description="The same database as the role that may drop old months of the trail: `audit retire` alone."
    )
    audit_key_file: Path | None = Field(
        None,
        description="The Ed25519 key that signs this bot's audit entries (`python -m bot audit key FILE` makes one); "
        "production does not start without it, elsewhere one is made for each start.",
    )
    sequencer_key_file: Path | None = Field(
        None, description="The Ed25519 key that signs the heads of the trail; needed where the trail is chained."
    )
    anchor_bucket: str = Field(
        "",
        description="The S3 bucket with Object Lock that keeps the heads of the trail; production needs one.",
    )
    anchor_prefix: str = Field("audit/", description="What the names of the anchors begin with in that bucket.")
    anchor_days: int = Field(
        400,
        ge=1,
        le=36500,
        description="How long an anchor is locked in compliance mode: nobody deletes it earlier.",
    )
    environment: Environment = Field(
        Environment.PRODUCTION, description="What the platform below is: production, staging or demo."
    )
    time_zone: str = Field("UTC", description="The time zone of the calendar, such as Europe/Berlin.")
    schedules: dict[str, str] = Field(
        default_factory=dict,
        description='Other times than the guide\'s, as JSON: {"database-backup": "0 4 * * *"}; '
        "`/takumi schedule` lists the names.",
    )
    command: str = Field("/takumi", description="The slash command; a second bot in one workspace takes another.")
    channel: str = Field(description="The id of #takumi-alerts (C...), where commands are used and runs are shown.")
    roles: dict[Role, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Who fills which role, as JSON: user group ids (S...) or user ids (U...) by role: "
        "developer, team_lead, engineering_lead, cto, security.",
    )
    aliases: dict[str, str] = Field(
        default_factory=dict,
        description='Accounts of one person joined into one principal, as JSON: {"slack:T..:U..": "person"}.',
    )

    response_times: dict[Severity, timedelta] = Field(
        default_factory=dict,
        description='Other response times than the guide\'s matrix, as JSON: {"P1": "PT30M"}.',
    )
    working_hours: str = Field(
        "mon-fri 09:00-17:00", description="When the clocks of P2 and P3 requests run, in the time zone above."
    )
    holidays: tuple[date, ...] = Field((), description='Days off from that clock, as JSON: ["2026-12-25"].')
    maintenance_windows: tuple[str, ...] = Field(
        (),
        description='When what is disruptive or destructive may run, as JSON: ["mon-thu 09:00-16:00"]; none is always.',
    )
    glass_runbooks: tuple[str, ...] = Field(
        (), description="The runbooks for which glass may be broken in an open P0 or P1, as JSON."
    )
    glass_people: tuple[str, ...] = Field(
        (), description='The principals who may break it, as JSON: ["slack:T..:U.."].'
    )
    factor_key: SecretStr | None = Field(
        None,
        description="The key of the one-time codes' secrets, 32 bytes in base64, kept outside the database; without it "
        "nobody enrols a code.",
    )
    enrolment_wait: timedelta = Field(
        timedelta(hours=24), description="How long a factor waits that two others spoke for, such as PT24H."
    )
    approvals_channel: str = Field(
        "", description="The id of a channel that gets a copy of every card that needs a yes, with its calls."
    )

    slack_mode: SlackMode = Field(SlackMode.SOCKET, description="socket (default) or http.")
    slack_bot_token: SecretStr = Field(description="The bot token (xoxb-...).")
    slack_app_token: SecretStr | None = Field(
        None, description="The app-level token (xapp-...) with connections:write; Socket Mode only."
    )
    slack_signing_secret: SecretStr = Field(SecretStr(""), description="The signing secret; HTTP mode only.")
    slack_api_url: str = Field(
        "https://slack.com/api/", description="The base of Slack's Web API; anything else counts as a stand-in."
    )

    http_host: str = Field("127.0.0.1", description="The address the HTTP surface listens on.")
    http_port: int = Field(8080, ge=0, le=65535, description="Its port; 0 takes a free one.")
    pg_bin_dirs: tuple[Path, ...] = Field(
        (), description="Folders with pg_dump and psql, as JSON; the well-known ones are searched too."
    )
    worker_concurrency: int = Field(8, ge=1, le=64, description="How many jobs one process works on at once.")
    runs_at_once: int = Field(4, ge=1, le=64, description="How many runs one process works on at once.")
    lease_seconds: float = Field(
        20,
        ge=2,
        le=600,
        description="How long a worker may be silent before another takes over its runs, which happens within half as "
        "long again, in seconds.",
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    redis_url: SecretStr | None = Field(None, description="The platform's Redis (redis://...).")
    chain_rpc_url: SecretStr | None = Field(None, description="An RPC endpoint of the chain; it may hold a key.")
    chain_id: int | None = Field(None, description="The chain id expected there; unset: the one of NETWORK.")
    backend_urls: tuple[str, ...] = Field(
        ("http://localhost:3001/health",), description="The health addresses of the backend's instances, as JSON."
    )
    s3_endpoint_url: str | None = Field(None, description="An S3 endpoint other than AWS.")
    s3_access_key_id: SecretStr | None = Field(None, description="The S3 access key; unset: boto3's own search.")
    s3_secret_access_key: SecretStr | None = Field(None, description="The S3 secret key.")

    db_host: str = Field("localhost", validation_alias=_guide("DB_HOST"), description="The platform's PostgreSQL host.")
    db_port: int = Field(5432, validation_alias=_guide("DB_PORT"), description="Its port.")
    db_name: str = Field("takumi", validation_alias=_guide("DB_NAME"), description="The database to look after.")
    db_user: str = Field("takumi", validation_alias=_guide("DB_USER"), description="The bot's role there.")
    db_password: SecretStr = Field(
        SecretStr(""), validation_alias=_guide("DB_PASSWORD"), description="That role's password."
    )
    restore_user: str = Field(
        "", description="A role without rights that restored files run as: a dump is untrusted input."
    )
    restore_password: SecretStr = Field(SecretStr(""), description="That role's password.")
    pooler_url: SecretStr | None = Field(
        None,
        description="PgBouncer's admin console (postgresql://user:password@host:6432/pgbouncer), paused during a swap.",
    )
    replicas: tuple[str, ...] = Field(
        (), description="The platform's streaming replicas as host:port, as JSON; their old sessions end after a swap."
    )
    staging_database: str = Field("takumi_staging", description="The database that a restore replaces by default.")
    backup_dir: Path = Field(
        Path("/var/backups/takumi/database"),
        validation_alias=_guide("BACKUP_DIR"),
        description="Where database backups are kept.",
    )
    snapshot_dir: Path = Field(
        Path("/var/backups/takumi/contracts"),
        validation_alias=_guide("SNAPSHOT_DIR"),
        description="Where contract snapshots are kept.",
    )
    retention_days: int = Field(
        30, ge=1, le=3650, validation_alias=_guide("RETENTION_DAYS"), description="How long a backup is kept, in days."
    )
    cloud_backup: Annotated[bool, BeforeValidator(_truth)] = Field(
        default=False, validation_alias=_guide("CLOUD_BACKUP"), description="Whether backups are copied to S3."
    )
    s3_bucket: str = Field("", validation_alias=_guide("S3_BUCKET"), description="The bucket for the copies.")
    s3_region: str = Field("us-east-1", validation_alias=_guide("S3_REGION"), description="Its region.")
    network: str = Field("polygon", validation_alias=_guide("NETWORK"), description="The chain's network.")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone {value!r}; use a name such as Europe/Berlin") from None
        return value

    @field_validator("working_hours", "maintenance_windows")
    @classmethod
    def _known_hours(cls, value: Any) -> Any:
        for text in (value,) if isinstance(value, str) else value:
            read_hours(text, "UTC")
        return value

    @field_validator("response_times")
    @classmethod
    def _positive_times(cls, value: dict[Severity, timedelta]) -> dict[Severity, timedelta]:
        if any(time <= timedelta() for time in value.values()):
            raise ValueError("a response time is longer than nothing")
        return value

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)

    @property
    def slack_is_stand_in(self) -> bool:
        return self.slack_api_url.rstrip("/") != "https://slack.com/api"

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for the redactor."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"TAKUMI_BOT_{name.upper()}"
