"""Block Kit's limits, each at n and at n + 1, and its structure against Slack's own types."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from demo.workspace.blocks import elements, kinds, rich
from demo.workspace.blocks.rules import Rule
from demo.workspace.blocks.validate import message_problems, view_problems

Json = dict[str, Any]
SCHEMA = Path(__file__).parents[3] / "shared" / "slack" / "blocks.schema.json"


def plain(text: str = "t") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(length: int = 1) -> Json:
    return {"type": "mrkdwn", "text": "x" * length}


def button(number: int = 0, **changes: Any) -> Json:
    return {"type": "button", "action_id": f"a{number}", "text": plain(), **changes}


def option(number: int = 0, **changes: Any) -> Json:
    return {"text": plain(), "value": f"v{number}", **changes}


def options(count: int) -> list[Json]:
    return [option(n) for n in range(count)]


def actions(*held: Json) -> Json:
    return {"type": "actions", "elements": list(held)}


def select(**changes: Any) -> Json:
    return actions({"type": "static_select", "action_id": "s", "options": options(1), **changes})


def task(number: int) -> Json:
    return {"type": "task_card", "task_id": f"t{number}", "title": "t", "status": "pending"}


def table(rows: int, columns: int, cell: str = "c") -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": cell}] * columns] * rows}


def select_in_groups(*groups: list[Json], label: Json | None = None) -> Json:
    made = [{"label": label or plain(), "options": group} for group in groups]
    return actions({"type": "static_select", "action_id": "s", "option_groups": made})


def multi_select(**changes: Any) -> Json:
    return asks(element={"type": "multi_static_select", "action_id": "m", **changes})


def boxes(*offered: Json) -> Json:
    return actions({"type": "checkboxes", "action_id": "c", "options": list(offered)})


def asks(**changes: Any) -> Json:
    return {"type": "input", "label": plain(), "element": text_input(), **changes}


def text_input(**changes: Any) -> Json:
    return {"type": "plain_text_input", "action_id": "a", **changes}


def picture(**changes: Any) -> Json:
    return {"type": "image", "alt_text": "a", "image_url": "https://x.y", **changes}


def feedback(**changes: Any) -> Json:
    ways = {f"{way}_button": {"text": plain(), "value": way, **changes} for way in ("positive", "negative")}
    return {"type": "context_actions", "elements": [{"type": "feedback_buttons", "action_id": "f", **ways}]}


def icon(number: int) -> Json:
    return {"type": "icon_button", "action_id": f"i{number}", "icon": "trash", "text": plain()}


def confirming(**parts: Json) -> Json:
    return actions(button(confirm={"text": mrkdwn(), **parts}))


BLOCK_LIMITS: dict[str, tuple[int, Callable[[int], Json]]] = {
    "section text": (3000, lambda n: {"type": "section", "text": mrkdwn(n)}),
    "section fields": (10, lambda n: {"type": "section", "fields": [mrkdwn()] * n}),
    "section field": (2000, lambda n: {"type": "section", "fields": [mrkdwn(n)]}),
    "header": (150, lambda n: {"type": "header", "text": plain("h" * n)}),
    "context elements": (10, lambda n: {"type": "context", "elements": [mrkdwn()] * n}),
    "actions elements": (25, lambda n: actions(*(button(i) for i in range(n)))),
    "button text": (75, lambda n: actions(button(text=plain("b" * n)))),
    "button value": (2000, lambda n: actions(button(value="v" * n))),
    "button url": (3000, lambda n: actions(button(url="https://" + "u" * (n - 8)))),
    "confirm title": (100, lambda n: confirming(title=plain("t" * n))),
    "confirm text": (300, lambda n: confirming(text=mrkdwn(n))),
    "confirm button": (30, lambda n: confirming(confirm=plain("c" * n))),
    "deny button": (30, lambda n: confirming(deny=plain("c" * n))),
    "option text": (75, lambda n: select(options=[option(text=plain("o" * n))])),
    "option description": (75, lambda n: select(options=[option(description=plain("o" * n))])),
    "option value": (75, lambda n: select(options=[option(value="o" * n)])),
    "select options": (100, lambda n: select(options=options(n))),
    "placeholder": (150, lambda n: select(placeholder=plain("p" * n))),
    "overflow options": (5, lambda n: actions({"type": "overflow", "action_id": "o", "options": options(n)})),
    "checkboxes": (10, lambda n: actions({"type": "checkboxes", "action_id": "c", "options": options(n)})),
    "radio buttons": (10, lambda n: actions({"type": "radio_buttons", "action_id": "r", "options": options(n)})),
    "action_id": (255, lambda n: actions(button(action_id="a" * n))),
    "block_id": (255, lambda n: {"type": "divider", "block_id": "b" * n}),
    "table rows": (100, lambda n: table(n, 1)),
    "table columns": (20, lambda n: table(1, n)),
    "table characters": (10_000, lambda n: table(1, 1, "c" * n)),
    "plan tasks": (50, lambda n: {"type": "plan", "title": "p", "tasks": [task(i) for i in range(n)]}),
    "option groups": (100, lambda n: select_in_groups(*([option()] for _ in range(n)))),
    "option group label": (75, lambda n: select_in_groups([option()], label=plain("l" * n))),
    "options of a group": (100, lambda n: select_in_groups(options(n))),
    "options of a multi-select": (100, lambda n: multi_select(options=options(n))),
    "initial options": (100, lambda n: multi_select(options=options(1), initial_options=options(n))),
    "box option text": (75, lambda n: boxes(option(text=mrkdwn(n)))),
    "box option description": (75, lambda n: boxes(option(description=plain("d" * n)))),
    "input label": (2000, lambda n: asks(label=plain("l" * n))),
    "input hint": (2000, lambda n: asks(hint=plain("h" * n))),
    "input max_length": (3000, lambda n: asks(element=text_input(max_length=n))),
    "input min_length": (3000, lambda n: asks(element=text_input(min_length=n))),
    "initial value": (3000, lambda n: asks(element=text_input(initial_value="i" * n))),
    "input placeholder": (150, lambda n: asks(element=text_input(placeholder=plain("p" * n)))),
    "files of an input": (10, lambda n: asks(element={"type": "file_input", "action_id": "a", "max_files": n})),
    "accessibility label": (75, lambda n: actions(button(accessibility_label="a" * n))),
    "context text": (3000, lambda n: {"type": "context", "elements": [mrkdwn(n)]}),
    "image alt text": (2000, lambda n: {"type": "image", "alt_text": "a" * n, "image_url": "https://x.y"}),
    "image title": (2000, lambda n: picture(title=plain("t" * n))),
    "image address": (3000, lambda n: picture(image_url="https://" + "u" * (n - 8))),
    "feedback text": (75, lambda n: feedback(text=plain("f" * n))),
    "feedback value": (2000, lambda n: feedback(value="f" * n)),
    "context actions": (5, lambda n: {"type": "context_actions", "elements": [icon(i) for i in range(n)]}),
    "task title": (3000, lambda n: task(0) | {"title": "t" * n}),
    "markdown": (12_000, lambda n: {"type": "markdown", "text": "m" * n}),
}

VIEW_LIMITS: dict[str, tuple[int, Callable[[int], Json]]] = {
    "view blocks": (100, lambda n: {"blocks": [{"type": "divider"}] * n}),
    "view title": (24, lambda n: {"title": plain("t" * n)}),
    "submit": (24, lambda n: {"submit": plain("t" * n)}),
    "close": (24, lambda n: {"close": plain("t" * n)}),
    "private_metadata": (3000, lambda n: {"private_metadata": "p" * n}),
    "callback_id": (255, lambda n: {"callback_id": "c" * n}),
    "external_id": (255, lambda n: {"external_id": "e" * n}),
}

REFUSED: dict[str, list[Any]] = {
    "no object": ["text"],
    "unknown type": [{"type": "sparkles"}],
    "type that is no text": [{"type": ["section"]}],
    "no type": [{}],
    "unknown property": [{"type": "divider", "colour": "red"}],
    "empty section": [{"type": "section"}],
    "empty text": [{"type": "section", "text": mrkdwn(0)}],
    "header in mrkdwn": [{"type": "header", "text": mrkdwn()}],
    "no actions": [actions()],
    "text as a bare string": [{"type": "section", "text": "x"}],
    "options and groups": [select(option_groups=[{"label": plain(), "options": options(1)}])],
    "bad style": [actions(button(style="loud"))],
    "bad address": [actions(button(url="javascript:alert(1)"))],
    "same block_id": [{"type": "divider", "block_id": "b"}, {"type": "divider", "block_id": "b"}],
    "same action_id in a block": [actions(button(1), button(1))],
    "two tables": [table(1, 1), table(1, 1)],
    "uneven table": [{"type": "table", "rows": [[{"type": "raw_text", "text": "a"}], []]}],
    "markdown together": [{"type": "markdown", "text": "m" * 6001}, {"type": "markdown", "text": "m" * 6000}],
    "bad task status": [task(0) | {"status": "done"}],
    "option description in mrkdwn": [boxes(option(description=mrkdwn()))],
    "menu option in mrkdwn": [select(options=[option(text=mrkdwn())])],
    "51 blocks": [{"type": "divider"}] * 51,
}


def modal(**changes: Any) -> Json:
    return {"type": "modal", "title": plain(), "submit": plain(), "blocks": [], **changes}


@pytest.mark.parametrize(("limit", "build"), BLOCK_LIMITS.values(), ids=BLOCK_LIMITS.keys())
def test_a_block_limit_holds_at_n_and_not_beyond(limit: int, build: Callable[[int], Json]) -> None:
    assert message_problems([build(limit)]) == []
    assert message_problems([build(limit + 1)]) != []


@pytest.mark.parametrize(("limit", "build"), VIEW_LIMITS.values(), ids=VIEW_LIMITS.keys())
def test_a_view_limit_holds_at_n_and_not_beyond(limit: int, build: Callable[[int], Json]) -> None:
    assert view_problems(modal(**build(limit)), "modal") == []
    assert view_problems(modal(**build(limit + 1)), "modal") != []


@pytest.mark.parametrize("blocks", REFUSED.values(), ids=REFUSED.keys())
def test_bad_blocks_are_refused(blocks: list[Any]) -> None:
    assert message_problems(blocks) != []


def test_a_message_has_at_most_50_blocks() -> None:
    assert message_problems([{"type": "divider"}] * 50) == []


def test_the_same_action_id_may_stand_in_two_blocks() -> None:
    assert message_problems([actions(button(1)), actions(button(1))]) == []


def test_a_modal_with_inputs_needs_a_submit_button() -> None:
    named = {"type": "input", "label": plain(), "element": {"type": "plain_text_input", "action_id": "a"}}
    without = {name: value for name, value in modal(blocks=[named]).items() if name != "submit"}
    assert view_problems(modal(blocks=[named]), "modal") == []
    assert view_problems(without, "modal") != []


@pytest.mark.parametrize("block", [table(1, 1), task(0), {"type": "markdown", "text": "m"}], ids=lambda b: b["type"])
def test_what_belongs_in_messages_is_refused_in_views(block: Json) -> None:
    assert message_problems([block]) == []
    assert view_problems(modal(blocks=[block]), "modal") != []


ELEMENTS: dict[str, Rule] = {
    **elements.BESIDE_SECTION,
    **elements.INPUTS,
    **elements.RICH_INPUT,
    **elements.FEEDBACK,
    **elements.ICON_BUTTON,
    **rich.INLINE,
    **rich.SECTION,
    **rich.LIST,
    **rich.QUOTE,
    **rich.PREFORMATTED,
}
BLOCKS = kinds.EVERYWHERE | kinds.MESSAGES_ONLY
shared_schema = pytest.mark.skipif(not SCHEMA.exists(), reason=f"no shared schema at {SCHEMA}")


def _definitions() -> dict[str, Any]:
    return dict(json.loads(SCHEMA.read_text())["definitions"])


def _known_shapes() -> dict[str, tuple[set[str], set[str]]]:
    """Each typed thing of the schema: its properties, and which are required in every variant."""
    shapes: dict[str, tuple[set[str], set[str]]] = {}
    for definition in _definitions().values():
        variants = definition.get("anyOf", [definition])
        for kind in {v["properties"]["type"].get("const") for v in variants if "type" in v.get("properties", {})}:
            if kind is not None and all("properties" in v for v in variants):
                properties = set().union(*(v["properties"].keys() for v in variants))
                needed = set.intersection(*({*v.get("required", [])} for v in variants))
                shapes.setdefault(kind, (properties, needed))
    return shapes


@shared_schema
def test_the_kinds_of_blocks_are_slacks() -> None:
    refs = [r["$ref"].rsplit("/", 1)[-1] for r in _definitions()["KnownBlock"]["anyOf"]]
    theirs = {_type_of(_definitions()[name]) for name in refs}
    assert theirs == BLOCKS.keys()


@shared_schema
@pytest.mark.parametrize("kind", [*ELEMENTS, *BLOCKS])
def test_a_thing_has_the_properties_slack_knows(kind: str) -> None:
    """Each property alone is known or refused exactly as the schema says; what it needs is missed."""
    rule = (ELEMENTS | BLOCKS)[kind]
    properties, needed = _known_shapes()[kind]
    said = " ".join(rule({"type": kind}, ""))
    assert {name for name in needed if f"missing required field: {name}" in said} == needed - {"type"}
    for name in properties:
        assert f"invalid additional property: {name} " not in " ".join(rule({"type": kind, name: None}, "")) + " "
    for name in {n for others, _ in _known_shapes().values() for n in others} - properties:
        assert f"invalid additional property: {name} " in " ".join(rule({"type": kind, name: None}, "")) + " "


@shared_schema
@pytest.mark.parametrize(("limit", "build"), BLOCK_LIMITS.values(), ids=BLOCK_LIMITS.keys())
def test_what_we_take_at_the_limit_is_structured_as_slack_says(limit: int, build: Callable[[int], Json]) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator(schema).validate({"blocks": [build(limit)]})


def _type_of(definition: Json) -> str:
    return str(definition.get("anyOf", [definition])[0]["properties"]["type"]["const"])
