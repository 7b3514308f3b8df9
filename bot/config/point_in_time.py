"""Physical backups and the archive of WAL, through pgBackRest; without a stanza there is none of it."""

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr


class PointInTimeSettings(BaseModel):
    """The stanza, its repository, the server's own folders, and who reads them."""

    pgbackrest_stanza: str = Field(
        "", pattern=r"^[A-Za-z0-9_-]*$", description="The stanza of the platform's cluster; empty: no point in time."
    )
    pgbackrest_program: Path = Field(Path("/usr/bin/pgbackrest"), description="Where pgBackRest is.")
    pgbackrest_repository: Path = Field(
        Path("/var/lib/pgbackrest"), description="The repository's folder; in the bucket, where one is named."
    )
    pgbackrest_bucket: str = Field(
        "", description="An S3 bucket for the repository (region and keys as for the backups); empty: the local disk."
    )
    pgbackrest_endpoint: str = Field(
        "", description="Another S3 endpoint than Amazon's as host:port; it is spoken to over TLS alone."
    )
    pgbackrest_ca_file: Path | None = Field(None, description="The authority that signed that endpoint's certificate.")
    pgbackrest_keep_full: int = Field(2, ge=1, le=1000, description="How many full backups are kept, with their WAL.")
    pgbackrest_processes: int = Field(2, ge=1, le=64, description="How many processes read, compress and write.")
    pgbackrest_account: str = Field(
        "", description="The system's account for pgBackRest and recovered copies; empty: the bot's own (never root)."
    )
    pgbackrest_user: str = Field("postgres", description="The superuser of the cluster that pgBackRest logs in as.")
    pgbackrest_password: SecretStr = Field(SecretStr(""), description="Its password, where the socket asks for one.")
    pg_data_dir: Path = Field(
        Path("/var/lib/postgresql/15/main"), description="The server's data folder on this machine, for backups."
    )
    pg_socket_dir: Path = Field(Path("/var/run/postgresql"), description="The folder of the server's socket.")
    recovery_dir: Path = Field(
        Path("/var/lib/takumi/recovery"),
        description="Where copies are recovered, and where the rendered pgbackrest.conf lies; a short path.",
    )
