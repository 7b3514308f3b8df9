"""Block Kit from documents: within every limit, whatever people and platforms write."""

from typing import Any

import pytest

from bot.domain.documents import (
    Button,
    Buttons,
    Confirm,
    Document,
    Fields,
    Heading,
    Note,
    Part,
    Progress,
    Rich,
    Table,
    Task,
    TaskStatus,
    Text,
)
from bot.domain.markup import bold, code, fenced, literal, without_broadcasts
from bot.slack.render import MAX_BLOCKS, MAX_TOTAL, render
from bot.slack.tables import as_csv

HOSTILE = "<!channel> & <@U1> ``` *x* _y_ ~z~ \u202e " + "\U0001f4a3" * 40
LONG = HOSTILE * 400


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


ONE_OF_EACH: list[Part] = [
    Heading(LONG),
    Text(LONG),
    Text(LONG, code=True),
    Rich(literal(LONG)),
    Note(LONG),
    Fields(tuple((LONG, LONG) for _ in range(13))),
    Table((LONG, "b"), tuple((LONG, "2") for _ in range(150)), frozenset({1})),
    Progress(LONG, tuple(Task(str(n), LONG, TaskStatus.ERROR, LONG) for n in range(60))),
    Buttons(tuple(Button(LONG, f"a{n}", "v" * 3000, confirm=Confirm(LONG, LONG, LONG)) for n in range(30))),
]


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("part", ONE_OF_EACH, ids=lambda part: type(part).__name__)
def test_no_part_exceeds_slacks_limits_with_hostile_long_input(part: Part, plain: bool) -> None:
    drawn = render(Document(LONG, [part]), plain=plain)
    assert len(drawn.text) <= 4000
    for block in drawn.blocks:
        _check(block)


def _check(block: dict[str, Any]) -> None:
    kind = block["type"]
    if kind == "header":
        assert len(block["text"]["text"]) <= 150
    elif kind == "section":
        assert len(block.get("text", {}).get("text", "")) <= 3000
        assert len(block.get("fields", [])) <= 10
        assert all(len(field["text"]) <= 2000 for field in block.get("fields", []))
    elif kind == "actions":
        assert len(block["elements"]) <= 25
        assert all(len(button["text"]["text"]) <= 75 and len(button["value"]) <= 2000 for button in block["elements"])
        assert all(len(button["confirm"]["confirm"]["text"]) <= 30 for button in block["elements"])
    elif kind == "table":
        assert len(block["rows"]) <= 100
        assert all(len(row) <= 20 and all(cell["text"] for cell in row) for row in block["rows"])
        assert sum(len(cell["text"]) for row in block["rows"] for cell in row) <= 10_000
    elif kind == "plan":
        assert len(block["tasks"]) <= 50


def test_a_document_that_is_too_long_ends_in_a_file_and_says_so() -> None:
    document = Document("many", [Text(f"line {number} " + "x" * 500) for number in range(80)])
    drawn = render(document)
    assert len(drawn.blocks) <= MAX_BLOCKS
    assert sum(len(text) for text in texts(drawn.blocks)) <= MAX_TOTAL + 2000
    assert "attached file" in texts(drawn.blocks[-1])[-1]
    assert "line 79" in drawn.files[-1].content


def test_a_table_that_is_too_long_is_attached_whole() -> None:
    table = Table(("n", "text"), tuple((str(number), "t" * 100) for number in range(300)))
    drawn = render(Document("table", [table]))
    assert drawn.files[0].name == "table-1.csv"
    assert drawn.files[0].content.count("\r\n") == 301


def test_buttons_of_one_row_have_action_ids_of_their_own() -> None:
    row = Buttons((Button("a", "runbook.open", "1"), Button("b", "runbook.open", "2")))
    (block,) = render(Document("buttons", [row])).blocks
    assert [button["action_id"] for button in block["elements"]] == ["runbook.open#0", "runbook.open#1"]


def test_a_second_table_becomes_text_since_slack_takes_one() -> None:
    table = Table(("a",), (("1",),))
    kinds = [block["type"] for block in render(Document("two", [table, table])).blocks]
    assert kinds == ["table", "section"]


def test_steps_are_plan_and_task_cards_and_sections_where_those_are_unknown() -> None:
    document = Document("run", [Progress("Back up", (Task("dump", "Dump", TaskStatus.COMPLETE, "12 s"),))])
    assert render(document).blocks[0]["tasks"][0]["status"] == "complete"
    plain = render(document, plain=True).blocks[0]
    assert plain["type"] == "section"
    assert "Dump" in plain["text"]["text"]


def test_a_cell_that_a_spreadsheet_would_execute_is_defused() -> None:
    assert (
        as_csv(Table(("a",), (("=cmd()",), ("-1",), ('say "hi", you',))))
        == 'a\r\n\'=cmd()\r\n-1\r\n"say ""hi"", you"\r\n'
    )


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (literal("<@U1> & <!channel>"), "&lt;@U1&gt; &amp; &lt;!channel&gt;"),
        (code("a`b"), "`a'b`"),
        (fenced("```\nrm -rf"), "```\n'''\nrm -rf\n```"),
        (bold("a*b"), "*a\u2217b*"),
        (without_broadcasts("hey <!channel> and <!here|here>"), "hey (everyone) and (everyone)"),
    ],
)
def test_untrusted_text_stays_text(made: str, shown: str) -> None:
    assert made == shown
