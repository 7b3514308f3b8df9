"""A crontab as text: its lines, and the same text with a line taken over or given back. Nothing else in it changes."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

MARK = "# taken over by takumi-bot: "
ASSIGNMENT = re.compile(r"^\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")
NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS = 5


@dataclass(frozen=True)
class CronLine:
    """A line that cron runs, or one that was taken over. `when` has five fields, or is `@reboot`.

    `file` is where it stands (`crontab -l` for a user's own), `number` counts from 1, `variables` are what the command
    sees of the table's assignments and of its own.
    """

    file: str
    number: int
    when: str
    command: str
    variables: Mapping[str, str] = field(default_factory=dict)
    taken_over: bool = False

    @property
    def place(self) -> str:
        return f"{self.file}, line {self.number}"

    @property
    def words(self) -> tuple[str, ...]:
        """The command's words, split as a shell would where it can be split at all."""
        try:
            return tuple(shlex.split(self.command, comments=False))
        except ValueError:
            return tuple(self.command.split())


def read(text: str, file: str, *, has_user: bool) -> Iterator[CronLine]:
    """Every line that names a command; `has_user` is for /etc/crontab and /etc/cron.d, which name an account."""
    variables: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        taken = raw.startswith(MARK)
        line = raw.removeprefix(MARK).strip()
        if not line or line.startswith("#"):
            continue
        if assigned := ASSIGNMENT.match(line):
            variables[assigned[1]] = assigned[2].strip("\"'")
        elif parts := _parts(line, has_user=has_user):
            when, command = parts
            yield CronLine(file, number, when, command, variables | _prefixed(command), taken)


def _parts(line: str, *, has_user: bool) -> tuple[str, str] | None:
    """(when, command); None for a line that is neither."""
    times = 1 if line.startswith("@") else FIELDS
    fields = line.split(maxsplit=times + has_user)
    if len(fields) != times + has_user + 1:
        return None
    when = " ".join(fields[:times])
    return NICKNAMES.get(when, when), fields[-1]


def _prefixed(command: str) -> dict[str, str]:
    """`CLOUD_BACKUP=true S3_BUCKET=b script`: what the shell sets for this command alone."""
    found: dict[str, str] = {}
    for word in command.split():
        assigned = ASSIGNMENT.match(word)
        if assigned is None:
            return found
        found[assigned[1]] = assigned[2].strip("\"'")
    return found


def with_taken_over(text: str, line: CronLine) -> str:
    """The text with that line switched off. Raises: ValueError when it is not there any more."""
    return _replaced(text, line, lambda raw: f"{MARK}{raw}")


def with_given_back(text: str, line: CronLine) -> str:
    """The text with that line as it was. Raises: ValueError when it is not there any more."""
    return _replaced(text, line, lambda raw: raw.removeprefix(MARK))


def _replaced(text: str, line: CronLine, change: Callable[[str], str]) -> str:
    lines = text.splitlines(keepends=True)
    raw = lines[line.number - 1] if line.number <= len(lines) else ""
    if not raw.rstrip("\r\n").rstrip().endswith(line.command.rstrip()) or raw.startswith(MARK) is not line.taken_over:
        raise ValueError(f"{line.place} is not what it was")
    lines[line.number - 1] = change(raw)
    return "".join(lines)
