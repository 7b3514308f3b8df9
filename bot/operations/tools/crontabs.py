"""Cron's tables on this machine: read, and rewritten whole or not at all."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile

from bot.domain.crontabs import CronLine, read
from bot.domain.errors import OperationFailed
from bot.operations.files import in_thread
from bot.operations.tools.processes import Command, must_succeed, run

OWN = "crontab -l"


async def lines_of(files: Iterable[Path]) -> list[CronLine]:
    """Every line of the tables that are there; `crontab -l` among them is this account's own.

    Raises: OperationFailed.
    """
    wanted = tuple(dict.fromkeys(files))
    found = await in_thread(lambda: [line for file in wanted for line in _in(file)])
    own = await _own_table() if Path(OWN) in wanted else ""
    return [*found, *read(own, OWN, has_user=False)]


def _in(path: Path) -> list[CronLine]:
    """A table that cannot be read may hold anything: that is no reason to believe that it holds nothing."""
    try:
        return _lines_in(path)
    except PermissionError as error:
        raise OperationFailed(
            f"{error.filename} cannot be read, so nobody knows what cron does there.",
            hint="Let the bot's account read it, or take it off TAKUMI_BOT_CRON_FILES.",
        ) from error


def _lines_in(path: Path) -> list[CronLine]:
    """Cron itself ignores names with a dot in a folder, such as what editors leave there."""
    if path.is_dir():
        return [line for file in sorted(path.iterdir()) if "." not in file.name for line in _lines_in(file)]
    if not path.is_file():
        return []
    has_user = path.parent.name == "cron.d" or path.name == "crontab"
    return list(read(path.read_text("utf-8", errors="replace"), str(path), has_user=has_user))


async def _own_table() -> str:
    """Empty where this account has none, or this machine no cron. Raises: OperationFailed."""
    program = shutil.which("crontab")
    if program is None:
        return ""
    command = Command(Path(program), ("-l",))
    ended = await run(command)
    if ended.code != 0 and "no crontab for" in ended.stderr:
        return ""
    try:
        must_succeed(command, ended)
    except OperationFailed as error:
        hint = f"Take `{OWN}` off TAKUMI_BOT_CRON_FILES: a service without new privileges cannot ask for it."
        raise OperationFailed(str(error), hint=hint) from error
    return str(ended.drained)


async def text_of(file: str) -> str:
    """Raises: OperationFailed."""
    return await _own_table() if file == OWN else await in_thread(Path(file).read_text, "utf-8")


async def rewrite(file: str, text: str) -> str:
    """Put another text in its place, and keep the old one; answers where that is. Raises: OperationFailed."""
    if file != OWN:
        return await in_thread(_rewrite, Path(file), text)
    program = shutil.which("crontab")
    if program is None:
        raise OperationFailed("This machine has no crontab program.", hint="Change the table by hand.")
    command = Command(Path(program), ("-",))
    must_succeed(command, await run(command, feed=lambda fd: os.write(fd, text.encode())))
    return "nowhere: `crontab -e` shows the line, with its mark"


def _rewrite(path: Path, text: str) -> str:
    kept = path.with_name(f"{path.name}.before-takumi")
    shutil.copy2(path, kept)
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    shutil.copystat(path, new.name)
    Path(new.name).replace(path)
    return str(kept)
