"""pgBackRest: what its repository holds, and its backups, checks and restores, each looked at and not believed."""

import asyncio
import json
import os
import pwd
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain.archive import ClusterBackup
from bot.domain.errors import Misconfigured, OperationFailed
from bot.operations.tools.processes import Command, must_succeed, run
from bot.operations.tools.repositories import Repository

PROVEN, SECONDS = "takumi-proven", "takumi-recovery-seconds"
ANSWER_SECONDS = 30.0
MOST_INFO_BYTES = 64 << 20
FOLDER_MODE = 0o711
PRIVATE_MODE = 0o700
# What `verify` says of a stanza in which nothing is wrong; its exit code is 0 in any case.
ALL_VALID = "status: ok"
NO_STANZA = "missing stanza path"


class PgBackRest:
    """One stanza's commands. Every method raises: OperationFailed with the program's own words; Misconfigured."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    async def info(self) -> tuple[ClusterBackup, ...]:
        """Every backup of the stanza, oldest first. Raises also when the repository is not well, or does not answer."""
        text = await self._answered(ANSWER_SECONDS, "info", "--output=json")
        (stanza,) = json.loads(text)
        status = stanza["status"]
        if status["message"] not in ("ok", "no valid backups"):
            raise OperationFailed(
                f"The repository of {self.repository.stanza} is not well: {status['message']}.", hint=_hint(status)
            )
        return tuple(_backup(one) for one in stanza["backup"])

    async def create_stanza(self) -> None:
        """Done again, it looks that the repository belongs to this cluster."""
        await self._do("stanza-create")

    async def check(self) -> None:
        """Archive the WAL up to now, and wait until it is there. It asks the server for a new WAL file."""
        await self._answered(self.repository.archive_patience.total_seconds() + ANSWER_SECONDS, "check")

    async def verify(self) -> str:
        """Read every file of the repository against its checksum; answers what is wrong, or nothing."""
        said = await self._do("verify", "--output=text", "--verbose")
        return "" if ALL_VALID in said else " ".join(said.split()) or "it said nothing"

    async def back_up(self, kind: str) -> ClusterBackup:
        """Make one, and answer it as the repository lists it."""
        before = {one.label for one in await self.info()}
        await self._do("backup", f"--type={kind}")
        made = [one for one in await self.info() if one.label not in before]
        if len(made) != 1:
            raise OperationFailed(
                f"pgBackRest ended well, but lists {len(made)} new backups.", hint="Look at `pgbackrest info`."
            )
        return made[0]

    async def note_proof(self, label: str, at: datetime, recovery: timedelta) -> None:
        """Write it to the backup itself, so that whoever finds the repository knows."""
        noted = (f"{PROVEN}={at.isoformat()}", f"{SECONDS}={recovery.total_seconds():.3f}")
        await self._do("annotate", f"--set={label}", *(f"--annotation={note}" for note in noted))

    async def restore(self, label: str, data: Path, tablespaces: Path, target: Sequence[str]) -> None:
        """Write the backup into an empty folder, never over anything; `target` says up to where WAL is replayed."""
        aside = (f"--pg1-path={data}", f"--tablespace-map-all={tablespaces}", "--archive-mode=off")
        await self._do("restore", f"--set={label}", *aside, *target)

    def prepare(self) -> None:
        """The folder that everything of ours lies in, and the configuration. Raises: OSError, Misconfigured."""
        must_be_possible_account(self.repository.account)
        folder = self.repository.folder
        folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        for name in ("lock", "spool"):
            make_folder(folder / name, self.repository.account)
        text, path = self.repository.rendered(), self.repository.configuration
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            new = path.with_suffix(f".{os.getpid()}")
            new.write_text(text, encoding="utf-8")
            new.chmod(0o644)
            new.replace(path)

    async def _answered(self, seconds: float, *arguments: str) -> str:
        """Its output, or an error in time: by itself it would try for five minutes to reach an S3 that is away."""
        try:
            async with asyncio.timeout(seconds):
                return await self._do(*arguments)
        except TimeoutError as error:
            raise OperationFailed(
                f"The repository of {self.repository.stanza} does not answer within {seconds:.0f} s.",
                hint="Look whether its disk or its S3 is there.",
            ) from error

    async def _do(self, *arguments: str) -> str:
        """Its output, whole. Raises: OperationFailed."""
        place = self.repository
        try:
            self.prepare()
        except OSError as error:
            raise OperationFailed(f"{place.folder} cannot be used: {error}.", hint="Look at its owner.") from error
        options = (f"--config={place.configuration}", f"--stanza={place.stanza}")
        command = Command(place.program, (*options, *arguments), place.environment, place.account)
        ended = await run(command, drain=_read_all)
        must_succeed(command, ended)
        return str(ended.drained)


def must_be_possible_account(account: str) -> None:
    """Raises: Misconfigured when PostgreSQL could not run as that account."""
    mine = pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0 and account in ("", "root"):
        raise Misconfigured(
            "PostgreSQL does not run as root, so no copy of the cluster can.",
            hint="Set TAKUMI_BOT_PGBACKREST_ACCOUNT to an account without rights, such as postgres.",
        )
    if os.geteuid() != 0 and account not in ("", mine):
        raise Misconfigured(
            f"The bot runs as {mine} and cannot start anything as {account}.",
            hint=f"Run the bot as {account}, or leave TAKUMI_BOT_PGBACKREST_ACCOUNT out.",
        )


def make_folder(folder: Path, account: str) -> None:
    """A folder of that account alone. Raises: OSError, KeyError."""
    folder.mkdir(exist_ok=True, mode=PRIVATE_MODE)
    if account:
        entry = pwd.getpwnam(account)
        os.chown(folder, entry.pw_uid, entry.pw_gid)


def _read_all(source: int) -> str:
    """Cut text would be no JSON; more than any listing is an error of its own."""
    with os.fdopen(os.dup(source), "rb") as stream:
        text = stream.read(MOST_INFO_BYTES)
    return text.decode("utf-8", errors="replace")


def _hint(status: Any) -> str:
    if status["message"] == NO_STANZA:
        return "Let somebody who may run `pgbackrest stanza-create` with the rendered configuration."
    return "Look at the repository and at what `pgbackrest info` says."


def _backup(row: Any) -> ClusterBackup:
    notes = row.get("annotation", {})
    seconds = notes.get(SECONDS)
    return ClusterBackup(
        label=row["label"],
        kind=row["type"],
        started_at=datetime.fromtimestamp(row["timestamp"]["start"], UTC),
        stopped_at=datetime.fromtimestamp(row["timestamp"]["stop"], UTC),
        size_bytes=row["info"]["size"],
        repository_bytes=row["info"]["repository"]["size"],
        needs=tuple(row["reference"] or ()),
        damaged=bool(row.get("error")),
        proven=notes.get(PROVEN, ""),
        recovery=timedelta(seconds=float(seconds)) if seconds else None,
    )
