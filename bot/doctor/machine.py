"""The machine that the bot runs on: keys, folders, clocks, programs."""

import shutil
import stat
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bot.config import Settings
from bot.doctor.findings import Wrong
from bot.domain import phrases
from bot.domain.errors import OperationFailed
from bot.operations.files import in_thread
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.toolbox import Toolbox

SKEW = timedelta(seconds=5)
OTHERS = stat.S_IRWXG | stat.S_IRWXO
Look = Callable[[], Awaitable[str]]


def looks(settings: Settings) -> Iterator[tuple[str, Look]]:
    """What can be looked at before anything else is there."""
    yield "machine", partial(in_thread, _machine)
    for variable, path in _keys(settings):
        yield f"key {variable}", partial(in_thread, _key, path)
    yield "backup folder", partial(in_thread, _folder, settings.backup_dir)


def _keys(settings: Settings) -> Iterator[tuple[str, Path]]:
    if settings.audit_key_file:
        yield "TAKUMI_BOT_AUDIT_KEY_FILE", settings.audit_key_file
    if settings.sequencer_key_file:
        yield "TAKUMI_BOT_SEQUENCER_KEY_FILE", settings.sequencer_key_file


def _machine() -> str:
    told = f"Python {sys.version.split()[0]} on {sys.platform}"
    if sys.platform == "linux" and shutil.which("setpriv") is None:
        raise Wrong(
            f"{told}, without setpriv: a program of a killed bot may live on.",
            hint="Install util-linux.",
            commands=("apt-get install -y util-linux",),
        )
    return told


def _key(path: Path) -> str:
    if not path.exists():
        raise Wrong(
            f"{path} is not there.",
            hint="Make it, and publish its public half (`python -m bot audit keys`).",
            commands=(f"python -m bot audit key {path}",),
        )
    if path.stat().st_mode & OTHERS:
        raise Wrong(
            f"{path} can be read by others than its owner.",
            hint="Close it. If others can log in here, replace the key as well.",
            commands=(f"chmod 600 {path}",),
            mend=partial(in_thread, _close, path),
        )
    return f"{path}, for its owner alone"


def _close(path: Path) -> str:
    path.chmod(0o600)
    return f"{path} is for its owner alone now."


def _folder(path: Path) -> str:
    if not path.is_dir():
        raise Wrong(
            f"{path} is not there.",
            hint="Make it, on a disk with room for the backups.",
            commands=(f"mkdir -p -m 700 {path}",),
            mend=partial(in_thread, _make, path),
        )
    return f"{path}, {phrases.size(shutil.disk_usage(path).free)} free"


def _make(path: Path) -> str:
    path.mkdir(mode=0o700, parents=True)
    return f"{path} was made, for its owner alone."


def skew_of(clock: datetime, whose: str) -> str:
    """Raises: Wrong when that clock and this machine's are too far apart for leases and one-time codes."""
    apart = abs(clock - datetime.now(UTC))
    if apart > SKEW:
        raise Wrong(
            f"The clock of {whose} and this machine's are {phrases.duration(apart)} apart.",
            hint="Let both keep time (chrony, systemd-timesyncd).",
        )
    return "clocks agree"


async def server(toolbox: Toolbox, access: DatabaseAccess) -> str:
    """Its version, the programs that fit it, and its clock."""
    tools = toolbox.for_look_up()
    async with tools.session(access, access.maintenance_database) as session:
        version, clock = (
            await session.rows("SELECT split_part(current_setting('server_version'), ' ', 1), clock_timestamp()")
        )[0]
    told = skew_of(clock, access.address)
    major = int(version.split(".")[0])
    try:
        programs = await tools.programs(major)
    except OperationFailed as error:
        command = f"apt-get install -y postgresql-client-{major}"
        raise Wrong(str(error), hint=error.hint, commands=(command,)) from error
    return f"PostgreSQL {version}, programs {programs.version} in {programs.folder}, {told}"
