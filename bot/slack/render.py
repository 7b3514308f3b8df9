"""From documents to Block Kit, within its limits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain import markup
from bot.domain.documents import (
    Attachment,
    Button,
    Buttons,
    Chart,
    Divider,
    Document,
    Fields,
    Heading,
    Note,
    Part,
    Progress,
    Rich,
    Style,
    Table,
    Task,
    TaskStatus,
    Text,
)
from bot.slack.tables import aligned, as_csv, overflows, rows_that_fit, table_block

Block = dict[str, Any]

# Source: Slack's documented limits; 10,000 characters in all is the stricter of what documents say.
MAX_BLOCKS = 50
MAX_SECTION = 3000
MAX_FIELD = 2000
MAX_FIELDS = 10
MAX_HEADER = 150
MAX_BUTTON = 75
MAX_VALUE = 2000
MAX_ACTIONS = 25
MAX_TOTAL = 10_000
MAX_TEXT = 4000
MAX_TASKS = 50

_STATUS_SIGN = {
    TaskStatus.PENDING: ":white_circle:",
    TaskStatus.IN_PROGRESS: ":large_blue_circle:",
    TaskStatus.COMPLETE: ":white_check_mark:",
    TaskStatus.ERROR: ":x:",
}


@dataclass(frozen=True)
class Rendered:
    """What is sent: `files` hold what the blocks had no room for."""

    text: str
    blocks: list[Block]
    files: tuple[Attachment | Chart, ...]


def render(document: Document, *, plain: bool = False) -> Rendered:
    """The document as blocks; `plain` uses sections alone, for a workspace that knows no plan or table blocks."""
    blocks: list[Block] = []
    files = list(document.files)
    tables = 0
    for part in document.parts:
        if isinstance(part, Table):
            tables += 1
            # Slack takes one table a message; further ones are drawn as text.
            blocks += _table(part, plain or tables > 1)
            if overflows(part):
                files.append(Attachment(f"table-{tables}.csv", as_csv(part)))
        else:
            blocks += _PARTS[type(part)](part, plain)
    text = cut(document.summary, MAX_TEXT)
    return Rendered(markup.literal(text)[:MAX_TEXT], _within(blocks, files, document), tuple(files))


def cut(text: str, limit: int) -> str:
    """Head and tail of what is too long: the beginning says what it is, the end how it ended."""
    if len(text) <= limit:
        return text
    gap = "\n\u2026\n"
    tail = (limit - len(gap)) // 3
    return text[: limit - len(gap) - tail] + gap + text[-tail:]


def _within(blocks: list[Block], files: list[Attachment | Chart], document: Document) -> list[Block]:
    """At most fifty blocks and ten thousand characters; the rest of the document goes into a file."""
    kept: list[Block] = []
    total = 0
    for block in blocks:
        total += _characters(block)
        if len(kept) == MAX_BLOCKS - 1 or total > MAX_TOTAL:
            files.append(Attachment("rest.txt", _as_text(document)))
            return [
                *kept,
                _context("There is more than a message can hold: see the attached file, or your direct messages."),
            ]
        kept.append(block)
    return kept


def _characters(value: Any) -> int:
    """How much text a block holds, as Slack counts it; plans and tasks have bare titles."""
    if isinstance(value, Mapping):
        texts = [item for key, item in value.items() if key in ("text", "title") and isinstance(item, str)]
        return sum(map(len, texts)) + sum(map(_characters, value.values()))
    if isinstance(value, list):
        return sum(_characters(item) for item in value)
    return 0


def _heading(part: Heading, _plain: bool) -> list[Block]:
    return [{"type": "header", "text": plain_text(cut(part.text, MAX_HEADER))}]


def _text(part: Text, _plain: bool) -> list[Block]:
    if part.code:
        return [_section(_fence(part.text))]
    return [{"type": "section", "text": plain_text(cut(part.text, MAX_SECTION))}]


def _fence(text: str) -> str:
    """A fenced block whose escaped form still fits."""
    room = MAX_SECTION
    fenced = markup.fenced(cut(text, room))
    while len(fenced) > MAX_SECTION:
        room -= len(fenced) - MAX_SECTION
        fenced = markup.fenced(cut(text, room))
    return fenced


def _rich(part: Rich, _plain: bool) -> list[Block]:
    return [_section(cut(part.markup, MAX_SECTION))]


def _note(part: Note, _plain: bool) -> list[Block]:
    return [_context(cut(part.text, MAX_FIELD))]


def _fields(part: Fields, _plain: bool) -> list[Block]:
    drawn = [
        _mrkdwn(cut(f"{markup.bold(label)}\n{markup.literal(value) or '-'}", MAX_FIELD)) for label, value in part.pairs
    ]
    return [
        {"type": "section", "fields": drawn[start : start + MAX_FIELDS]} for start in range(0, len(drawn), MAX_FIELDS)
    ]


def _field(label: str, value: str) -> Block:
    return _mrkdwn(cut(f"{markup.bold(label)}\n{markup.literal(value) or '-'}", MAX_FIELD))


def _progress(part: Progress, plain: bool) -> list[Block]:
    if plain or len(part.tasks) > MAX_TASKS:
        lines = [_task_line(task) for task in part.tasks]
        return [_section(cut("\n".join(lines), MAX_SECTION))]
    title = something(cut(part.title, MAX_HEADER))
    return [{"type": "plan", "title": title, "tasks": [_task_card(task) for task in part.tasks]}]


def _task_line(task: Task) -> str:
    details = f" \u2014 {markup.literal(task.details)}" if task.details else ""
    return f"{_STATUS_SIGN[task.status]} {markup.literal(task.title)}{details}"


def _task_card(task: Task) -> Block:
    card: Block = {
        "type": "task_card",
        "task_id": task.key,
        "title": something(cut(task.title, MAX_HEADER)),
        "status": task.status.value,
    }
    if task.details:
        card["details"] = _rich_text(cut(task.details, 600))
    return card


def _buttons(part: Buttons, _plain: bool) -> list[Block]:
    drawn = [_button(button, number) for number, button in enumerate(part.buttons[:MAX_ACTIONS])]
    return [{"type": "actions", "elements": drawn}] if drawn else []


def _button(button: Button, number: int) -> Block:
    drawn: Block = {
        "type": "button",
        "text": plain_text(cut(button.label, MAX_BUTTON)),
        # Unique in its block, as Slack wants it; what follows the sign is dropped when the click arrives.
        "action_id": f"{button.action}#{number}",
        "value": button.value[:MAX_VALUE],
    }
    if button.style is not Style.PLAIN:
        drawn["style"] = button.style.value
    if button.confirm is not None:
        drawn["confirm"] = {
            "title": plain_text(cut(button.confirm.title, 100)),
            "text": plain_text(cut(button.confirm.text, 300)),
            "confirm": plain_text(cut(button.confirm.yes, 30)),
            "deny": plain_text(cut(button.confirm.no, 30)),
        }
    return drawn


def _divider(_part: Divider, _plain: bool) -> list[Block]:
    return [{"type": "divider"}]


def _table(table: Table, plain: bool) -> list[Block]:
    if not table.rows:
        return []
    if plain:
        return [_section(_fence(aligned([table.header, *rows_that_fit(table)])))]
    return [table_block(table)]


def _rich_text(text: str) -> Block:
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}],
    }


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [plain_text(text)]}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": something(text)}


def plain_text(text: str) -> Block:
    """Slack's plain text object, colons left alone."""
    return {"type": "plain_text", "text": something(text), "emoji": False}


def something(text: str) -> str:
    """Slack refuses a whole message for one empty text: a dash stands for nothing."""
    return text if text.strip() else "\u2014"


def _as_text(document: Document) -> str:
    lines: list[str] = [document.summary, ""]
    for part in document.parts:
        if isinstance(part, Table):
            lines.append(aligned([part.header, *part.rows]))
        elif isinstance(part, Fields):
            lines += [f"{label}: {value}" for label, value in part.pairs]
        elif isinstance(part, Progress):
            lines += [f"[{task.status.value}] {task.title} {task.details}".rstrip() for task in part.tasks]
        else:
            lines.append(getattr(part, "text", "") or getattr(part, "markup", ""))
    return "\n".join(lines) + "\n"


_PARTS: Mapping[type[Part], Callable[[Any, bool], list[Block]]] = {
    Heading: _heading,
    Text: _text,
    Rich: _rich,
    Note: _note,
    Fields: _fields,
    Progress: _progress,
    Buttons: _buttons,
    Divider: _divider,
}
