"""How the platform is reached: frozen values that `bot.app` fills from the settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from bot.domain.backups import Format
from bot.domain.errors import Misconfigured
from bot.domain.targets import Environment, Target
from bot.operations.tools.repositories import Repository
from bot.operations.tools.seals import KeyRing
from bot.policy.working_hours import WorkingHours

NO_SECRET = SecretStr("")
NO_KEYS = KeyRing()


@dataclass(frozen=True)
class Login:
    """A role of a PostgreSQL cluster that may log in."""

    user: str
    password: SecretStr


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class PoolerAccess:
    """The admin console of a PgBouncer; `database` is the name under which clients ask it for the database."""

    host: str
    port: int
    login: Login
    database: str


def address_of(text: str) -> Address:
    """Of `host:port`. Raises: Misconfigured."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise Misconfigured(f"{text!r} is no address.", hint="Write host:port, such as replica-1:5432.")
    return Address(host, int(port))


def pooler_of(url: SecretStr, database: str) -> PoolerAccess:
    """Of the admin console's URL. Raises: Misconfigured, without showing the URL, which holds a password."""
    parts = urlsplit(url.get_secret_value())
    if not parts.hostname or not parts.username:
        raise Misconfigured(
            "TAKUMI_BOT_POOLER_URL is no address of PgBouncer's admin console.",
            hint="Write postgresql://user:password@host:6432/pgbouncer.",
        )
    login = Login(unquote(parts.username), SecretStr(unquote(parts.password or "")))
    return PoolerAccess(parts.hostname, parts.port or 6432, login, database)


@dataclass(frozen=True)
class DatabaseAccess:
    """A database of the platform, reached directly: behind a pooler in transaction mode two sessions share one lock.

    `login` is the maintenance role. `restorer` is the role without any rights that restored files run as; without it a
    superuser's login makes one for each restore, and any other login restores nothing but the bot's own fresh dumps.
    `maintenance_database` is where sessions go that concern the whole cluster: locks, renames. `pooler` is paused
    during a swap; on the `replicas`, which the maintenance role can log in to, old sessions are ended after it.
    """

    name: str
    host: str
    port: int
    login: Login
    environment: Environment
    maintenance_database: str = "postgres"
    restorer: Login | None = None
    pooler: PoolerAccess | None = None
    replicas: tuple[Address, ...] = ()

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


def proof_server_of(url: SecretStr, environment: Environment) -> DatabaseAccess:
    """Of a URL whose database stands in for those that are proven there. Raises: Misconfigured, without showing it."""
    parts = urlsplit(url.get_secret_value())
    if not parts.hostname or not parts.username:
        raise Misconfigured(
            "TAKUMI_BOT_PROOF_DATABASE_URL is no address of a PostgreSQL server.",
            hint="Write postgresql://user:password@host:5432/postgres.",
        )
    login = Login(unquote(parts.username), SecretStr(unquote(parts.password or "")))
    name = parts.path.strip("/") or "postgres"
    return DatabaseAccess(name, parts.hostname, parts.port or 5432, login, environment, maintenance_database=name)


@dataclass(frozen=True)
class OwnDatabase:
    """Where the bot itself lives: never a target."""

    system_identifier: str
    database: str


@dataclass(frozen=True)
class StorageRules:
    """What S3 itself does for a copy. `encryption` is empty, `AES256` or `aws:kms`; `lock` is empty, `GOVERNANCE` or
    `COMPLIANCE`, and holds for as long as the backup is to be kept.
    """

    encryption: str = ""
    kms_key: str = ""
    lock: str = ""

    def options(self, until: datetime | None) -> dict[str, Any]:
        """As boto3 takes them when an object is begun."""
        encrypted = {"ServerSideEncryption": self.encryption} if self.encryption else {}
        key = {"SSEKMSKeyId": self.kms_key} if self.kms_key else {}
        locked = {"ObjectLockMode": self.lock, "ObjectLockRetainUntilDate": until} if self.lock and until else {}
        return {**encrypted, **key, **locked}


@dataclass(frozen=True)
class BackupPlaces:
    """Where backups are kept. Source: the guide's BACKUP_DIR, RETENTION_DAYS, CLOUD_BACKUP, S3_BUCKET, S3_REGION.

    `foreign_expire` is whether files that the bot did not make are deleted, too, when they are older than the
    retention. `forms` are the databases whose backups are written in another format than the guide's; `dirs` are
    other folders by the names that people may ask for; `hashed` is
    whether manifests hold hashes of all rows. `endpoint_url` is empty for Amazon's own S3; `access_key` and
    `secret_key` are empty where the machine's own identity is to be used.
    """

    folder: Path
    retention: timedelta
    foreign_expire: bool = False
    cloud: bool = False
    dirs: Mapping[str, Path] = field(default_factory=dict)
    hashed: bool = True
    forms: Mapping[str, Format] = field(default_factory=dict)
    bucket: str = ""
    region: str = "us-east-1"
    endpoint_url: str = ""
    access_key: SecretStr = NO_SECRET
    secret_key: SecretStr = NO_SECRET
    keys: KeyRing = NO_KEYS
    storage: StorageRules = StorageRules()

    @property
    def folders(self) -> tuple[Path, ...]:
        """All of them, the usual one first."""
        return (self.folder, *self.dirs.values())


@dataclass(frozen=True)
class ProofRules:
    """Where, when and within what backups are proven.

    `server` is a cluster for proofs alone; None is that of the database itself. `hours` is None for any time;
    `most_bytes` (0: no limit) is the largest database that is restored for a proof, `bytes_per_second` (0: no limit)
    how fast.
    """

    server: DatabaseAccess | None = None
    hours: WorkingHours | None = None
    most_bytes: int = 0
    bytes_per_second: int = 0


@dataclass(frozen=True)
class Platform:
    """Everything that operations may reach. `default_database` is the guide's DB_NAME.

    `program_folders` are bin folders of PostgreSQL's client programs, looked into before the well-known ones.
    URLs may carry credentials, so they are secrets. `repository` holds the cluster's physical backups, where it is set.
    """

    databases: tuple[DatabaseAccess, ...]
    default_database: str
    backups: BackupPlaces
    program_folders: tuple[Path, ...] = ()
    own: OwnDatabase | None = None
    repository: Repository | None = None
    backend_urls: tuple[str, ...] = ()
    redis_url: SecretStr = NO_SECRET
    chain_rpc_url: SecretStr = NO_SECRET
    chain_id: int | None = None
    oldest_block: timedelta = timedelta(minutes=5)
    proofs: ProofRules = ProofRules()
    targets: tuple[Target, ...] = ()
    cron_files: tuple[Path, ...] = ()

    @property
    def clusters(self) -> Mapping[str, DatabaseAccess]:
        """One access to each cluster, by its address; that of the proofs is the last."""
        proving = (self.proofs.server,) if self.proofs.server else ()
        return {access.address: access for access in (*proving, *self.databases)}
