"""Where a cluster's physical backups and its WAL are kept, and the configuration that pgBackRest reads for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

NO_SECRET = SecretStr("")


@dataclass(frozen=True)
class Bucket:
    """A repository in S3. `host` and `port` are an endpoint other than Amazon's, reached over TLS."""

    name: str
    region: str
    host: str = ""
    port: int = 443
    ca_file: Path | None = None
    access_key: SecretStr = NO_SECRET
    secret_key: SecretStr = NO_SECRET


@dataclass(frozen=True)
class Repository:
    """One stanza of pgBackRest.

    `path` is the repository's folder, in the bucket where there is one. `folder` is where copies of the cluster are
    recovered; the rendered configuration lies there, too. `data_folder` and `socket_folder` are the server's own; they
    need not be there where backups are made elsewhere. `account` is the system's account that pgBackRest and recovered
    copies run as, empty for the bot's own. `user` is a superuser of the cluster, which reads backups and copies.
    """

    stanza: str
    program: Path
    path: Path
    folder: Path
    data_folder: Path
    socket_folder: Path
    port: int
    user: str = "postgres"
    password: SecretStr = NO_SECRET
    account: str = ""
    keep_full: int = 2
    processes: int = 2
    archive_patience: timedelta = timedelta(seconds=60)
    bucket: Bucket | None = None

    @property
    def configuration(self) -> Path:
        """The rendered file: without secrets, for the server's `archive_command` as well as for us."""
        return self.folder / "pgbackrest.conf"

    @property
    def archive_command(self) -> str:
        """What the server must be set to."""
        return f"{self.program} --config={self.configuration} --stanza={self.stanza} archive-push %p"

    @property
    def environment(self) -> Mapping[str, str]:
        """What may stand in no file and in no argument."""
        secrets = {"PGPASSWORD": self.password.get_secret_value()}
        if self.bucket is not None:
            secrets["PGBACKREST_REPO1_S3_KEY"] = self.bucket.access_key.get_secret_value()
            secrets["PGBACKREST_REPO1_S3_KEY_SECRET"] = self.bucket.secret_key.get_secret_value()
        return {name: value for name, value in secrets.items() if value}

    def rendered(self) -> str:
        """The text of the configuration."""
        sections = {"global": self._global(), self.stanza: self._server()}
        return "# Written by the bot; changes are overwritten.\n" + "".join(
            f"[{name}]\n" + "".join(f"{option}={value}\n" for option, value in options)
            for name, options in sections.items()
        )

    def _global(self) -> Iterator[tuple[str, object]]:
        yield "repo1-path", self.path
        yield "repo1-retention-full", self.keep_full
        # A cluster has a thousand small files, and each would be an object of its own.
        yield "repo1-bundle", "y"
        yield from self._bucket() if self.bucket else ()
        yield "lock-path", self.folder / "lock"
        yield "spool-path", self.folder / "spool"
        yield "log-level-file", "off"
        yield "log-level-console", "off"
        yield "log-level-stderr", "warn"
        yield "start-fast", "y"
        yield "compress-type", "lz4"
        yield "process-max", self.processes
        yield "archive-timeout", f"{self.archive_patience.total_seconds():g}"

    def _bucket(self) -> Iterator[tuple[str, object]]:
        assert self.bucket is not None  # noqa: S101 - only asked where there is one
        yield "repo1-type", "s3"
        yield "repo1-s3-bucket", self.bucket.name
        yield "repo1-s3-region", self.bucket.region
        yield "repo1-s3-endpoint", self.bucket.host or f"s3.{self.bucket.region}.amazonaws.com"
        if self.bucket.host:
            yield "repo1-s3-uri-style", "path"
            yield "repo1-storage-port", self.bucket.port
        if self.bucket.ca_file:
            yield "repo1-storage-ca-file", self.bucket.ca_file

    def _server(self) -> Iterator[tuple[str, object]]:
        yield "pg1-path", self.data_folder
        yield "pg1-port", self.port
        yield "pg1-socket-path", self.socket_folder
        yield "pg1-user", self.user
