"""What the bot says, without saying how Slack draws it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias


@dataclass(frozen=True)
class Heading:
    """A short line above what follows; plain text."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph in plain text: everything in it is shown literally, but for what `marks` say."""

    text: str
    code: bool = False


@dataclass(frozen=True)
class Rich:
    """A paragraph in Slack's own markup, written by us: untrusted parts must have passed `markup.literal`."""

    markup: str


@dataclass(frozen=True)
class Note:
    """Small print."""

    text: str


@dataclass(frozen=True)
class Fields:
    """Labels and values, shown in two columns."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Rows under a header; long tables go into a file.

    `right` and `people` are column indexes: what is right-aligned, and what holds Slack user ids (shown as names).
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    people: frozenset[int] = frozenset()


class TaskStatus(StrEnum):
    """The state of a task in a progress list, in Slack's words."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETE = "complete"
    ERROR = "error"


@dataclass(frozen=True)
class Task:
    """One line of a progress list."""

    key: str
    title: str
    status: TaskStatus
    details: str = ""


@dataclass(frozen=True)
class Progress:
    """The steps of a run as they go."""

    title: str
    tasks: tuple[Task, ...]


class Style(StrEnum):
    """How loudly a button speaks."""

    PLAIN = ""
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True)
class Confirm:
    """A question before a button acts."""

    title: str
    text: str
    yes: str
    no: str = "Back"


@dataclass(frozen=True)
class Button:
    """A button: `action` names what it does, `value` is an opaque id and never state."""

    label: str
    action: str
    value: str
    style: Style = Style.PLAIN
    confirm: Confirm | None = None


@dataclass(frozen=True)
class Buttons:
    """A row of buttons."""

    buttons: tuple[Button, ...]


@dataclass(frozen=True)
class Divider:
    """A line."""


@dataclass(frozen=True)
class Attachment:
    """A file that goes with the message; text passes the redactor, bytes are a picture."""

    name: str
    content: str | bytes
    title: str = ""


@dataclass(frozen=True)
class Line:
    """One line of a chart: (instant, value) pairs, oldest first."""

    label: str
    points: tuple[tuple[datetime, float], ...]


@dataclass(frozen=True)
class Chart:
    """Values over time, drawn as a picture; `goal` is a value that should not be exceeded."""

    name: str
    title: str
    unit: str
    lines: tuple[Line, ...]
    goal: float | None = None


Part: TypeAlias = Heading | Text | Rich | Note | Fields | Table | Progress | Buttons | Divider


@dataclass(frozen=True)
class Document:
    """A message: `summary` is the plain line for notifications and screen readers."""

    summary: str
    parts: Sequence[Part] = ()
    files: tuple[Attachment | Chart, ...] = ()


class FieldKind(StrEnum):
    """How a parameter is asked for in a modal."""

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    SWITCH = "switch"


@dataclass(frozen=True)
class FormField:
    """One input: `choices` are (value, label) pairs."""

    name: str
    label: str
    hint: str = ""
    kind: FieldKind = FieldKind.TEXT
    choices: tuple[tuple[str, str], ...] = ()
    initial: str = ""
    optional: bool = False


@dataclass(frozen=True)
class Form:
    """A modal made from a parameter model; `about` travels with it and comes back at the submission."""

    title: str
    submit: str
    callback: str
    fields: tuple[FormField, ...]
    note: str = ""
    about: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reply:
    """A command's answer: privately to the asker unless `public`, which posts it in the channel or thread.

    `form` fills the modal that was opened for this request. `private` is for the asker alone even where the asker
    spoke in the open.
    """

    document: Document
    public: bool = False
    form: Form | None = None
    private: bool = False
