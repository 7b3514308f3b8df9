"""Where backups go and what they are made, proven and restored with."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, SecretStr

from bot.config.reading import guide, truth
from bot.domain.backups import Format


class BackupSettings(BaseModel):
    """Folders, retention, S3, and the roles that a restore needs."""

    pg_bin_dirs: tuple[Path, ...] = Field(
        (), description="Folders with pg_dump and psql, as JSON; the well-known ones are searched too."
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
        validation_alias=guide("BACKUP_DIR"),
        description="Where database backups are kept.",
    )
    backup_dirs: dict[str, Path] = Field(
        default_factory=dict,
        description="Other folders that `/takumi backup now --dir NAME` may name, as JSON: "
        '{"archive": "/mnt/archive"}.',
    )
    snapshot_dir: Path = Field(
        Path("/var/backups/takumi/contracts"),
        validation_alias=guide("SNAPSHOT_DIR"),
        description="Where contract snapshots are kept.",
    )
    retention_days: int = Field(
        30, ge=1, le=3650, validation_alias=guide("RETENTION_DAYS"), description="How long a backup is kept, in days."
    )
    backup_formats: dict[str, Format] = Field(
        default_factory=dict,
        description='The databases whose backups are archives in zstd (`fast`), as JSON: {"takumi": "fast"}; '
        "all others are SQL in gzip, as the guide's (`plain`).",
    )
    backup_hashes: bool = Field(
        default=True,
        description="Whether every value of every row is hashed for the manifest; else rows are counted only, which "
        "is quicker, and a proof says less.",
    )
    expire_foreign: bool = Field(
        default=False,
        description="Whether backup files that the bot did not make are deleted, too, when RETENTION_DAYS have passed.",
    )
    proof_database_url: SecretStr | None = Field(
        None,
        description="A server on which backups are restored to prove them (postgresql://user:password@host:5432/postgres"
        "); unset: the one they were taken from.",
    )
    proof_hours: str = Field(
        "mon-sun 02:00-06:00", description="When backups are proven, in the time zone above; empty is at any time."
    )
    proof_most_gb: int = Field(
        0, ge=0, description="The largest database that is restored for a proof, in GB; 0 is no limit."
    )
    proof_mb_per_second: int = Field(
        0, ge=0, description="How fast a proof reads its backup into the server, in MB of SQL; 0 is no limit."
    )
    cloud_backup: Annotated[bool, BeforeValidator(truth)] = Field(
        default=False, validation_alias=guide("CLOUD_BACKUP"), description="Whether backups are copied to S3."
    )
    s3_bucket: str = Field("", validation_alias=guide("S3_BUCKET"), description="The bucket for the copies.")
    s3_region: str = Field("us-east-1", validation_alias=guide("S3_REGION"), description="Its region.")
    s3_endpoint_url: str | None = Field(None, description="An S3 endpoint other than AWS.")
    s3_access_key_id: SecretStr | None = Field(None, description="The S3 access key; unset: boto3's own search.")
    s3_secret_access_key: SecretStr | None = Field(None, description="The S3 secret key.")

    s3_encryption: Literal["", "AES256", "aws:kms"] = Field(
        "", description="How S3 encrypts the copies: AES256 (its own keys), aws:kms, or as the bucket says (empty)."
    )
    s3_kms_key_id: str = Field("", description="The KMS key for aws:kms; S3's own when left out.")
    s3_lock: Literal["", "GOVERNANCE", "COMPLIANCE"] = Field(
        "",
        description="Object Lock of the copies, for as long as they are to be kept; the bucket must have been made "
        "with Object Lock.",
    )
    backup_key_files: dict[str, Path] = Field(
        default_factory=dict,
        description="Keys that seal and open the copies in S3, 32 bytes in base64 each, as JSON: "
        '{"2026": "/keys/2026"}. '
        "Keep a key for as long as copies that it sealed.",
    )
    backup_key: str = Field(
        "",
        description="The name of the key that seals new copies (AES-256-GCM); empty: they are not sealed by the bot.",
    )

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)
