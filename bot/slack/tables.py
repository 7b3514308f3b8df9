"""Tables in Block Kit, as text, and as files."""

import re
from typing import Any

from bot.domain.documents import Table

MAX_ROWS = 100
MAX_COLUMNS = 20
_KEPT = 6000
_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,}")


def overflows(table: Table) -> bool:
    """Whether a message cannot hold all of it."""
    return len(table.rows) >= MAX_ROWS or sum(len(cell) for row in table.rows for cell in row) > _KEPT


def table_block(table: Table) -> dict[str, Any]:
    """The header and the rows that fit."""
    rows = rows_that_fit(table)
    drawn = [[_cell(cell) for cell in table.header[:MAX_COLUMNS]]]
    drawn += [[_person_or_text(cell, column in table.people) for column, cell in enumerate(row)] for row in rows]
    settings = [
        {"align": "right" if column in table.right else "left"} for column in range(len(table.header[:MAX_COLUMNS]))
    ]
    return {"type": "table", "column_settings": settings, "rows": drawn}


def rows_that_fit(table: Table) -> list[tuple[str, ...]]:
    """The first rows, within what Slack shows."""
    rows: list[tuple[str, ...]] = []
    room = _KEPT
    for row in table.rows[: MAX_ROWS - 1]:
        room -= sum(len(cell) for cell in row)
        if room < 0:
            break
        rows.append(row[:MAX_COLUMNS])
    return rows


def aligned(rows: list[tuple[str, ...]]) -> str:
    """Columns of equal width, for a fixed-width font."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def as_csv(table: Table) -> str:
    """The whole table, quoted where needed; a cell that a spreadsheet would execute is defused."""
    return "\r\n".join(",".join(_csv_cell(cell) for cell in row) for row in [table.header, *table.rows]) + "\r\n"


def _csv_cell(cell: str) -> str:
    safe = f"'{cell}" if cell[:1] in ("=", "+", "-", "@") and not cell[1:2].isdigit() else cell
    return '"' + safe.replace('"', '""') + '"' if any(sign in safe for sign in ',"\r\n') else safe


def _person_or_text(text: str, is_person: bool) -> dict[str, Any]:
    if not (is_person and _SLACK_USER.fullmatch(text)):
        return _cell(text)
    user = {"type": "user", "user_id": text}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [user]}]}


def _cell(text: str) -> dict[str, Any]:
    return {"type": "raw_text", "text": text or " "}
