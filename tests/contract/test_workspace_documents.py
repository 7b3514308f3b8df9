"""Every message and view the bot can build, fed hostile long input, is one that Slack takes.

What it can build is found in the code: every function that makes a `Document`, `Form` or `Opening` is called here with
made arguments of its declared types. A new one is called, too; one that cannot be fails until its types say what it
takes (or `SPECIAL` does).
"""

import ast
import asyncio
import dataclasses
import importlib
import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.approvals import Decision
from bot.domain.audit import RecordedEntry
from bot.domain.documents import Button, Buttons, Document, Form, Reply, Text
from bot.domain.errors import BotError
from bot.domain.redaction import Redactor
from bot.domain.runs import Run, RunState
from bot.services.actions import ACTIONS
from bot.services.errors import explained
from bot.services.forms import Opening
from bot.services.ports import Posted
from bot.services.rows import DeliveryKind
from bot.slack import gateway, render
from bot.slack.gateway import SlackChat
from demo.workspace.blocks.validate import view_problems
from demo.workspace.composing import UPDATE_TEXT_LIMIT, Content
from demo.workspace.deliver.modals import VIEW_LIMIT_BYTES
from demo.workspace.errors import SlackError
from tests.hostile import Maker, hints_of

PROJECT = Path(__file__).parents[2]
SCHEMA = PROJECT.parent / "shared" / "slack" / "blocks.schema.json"
MADE = {"Document", "Form", "Opening"}
EXAMPLES = 8
SECRET = "hunter"
IDS: dict[str, Any] = {"posted": Posted("C0ALERTS01", "1.000001"), "thread": "", "channel": "C0ALERTS01"}
Json = dict[str, Any]
KNOWN_SHAPES: set[str] = set()
VALIDATOR = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())) if SCHEMA.exists() else None


def makers() -> Iterator[str]:
    """`module:qualified.name` of every function of the bot that makes something to show."""
    for top in ("bot", "commands", "runbooks"):
        for path in sorted((PROJECT / top).rglob("*.py")):
            module = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
            for name, node in _functions(ast.parse(path.read_text(encoding="utf-8")), ""):
                if any(_makes(inner) for inner in ast.walk(node)):
                    yield f"{module}:{name}"


def _functions(node: ast.AST, within: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{within}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{within}{child.name}", child


def _makes(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MADE


def _params(maker: Maker) -> Any:
    """What a request asks: the parameters of the command that the handler answers."""
    return maker.make(maker.parameters) if maker.parameters else "R0ABCDEF12|nonce"


SPECIAL = {
    "params": _params,
    "described": lambda m: {
        "summary": m.text(),
        "bound": m.make(Mapping[str, Any]),
        "steps": [
            {part: m.text() for part in ("key", "title", "do", "verify", "undo")} for _ in range(m.one_of([0, 1, 30]))
        ],
    },
    "challenge": lambda m: ("0123456789abcdef", {"types": m.text()}),
    "environment": lambda m: m.one_of(("staging", "production")),
    "zone": lambda _: "Asia/Tokyo",
    "days": lambda _: frozenset({0, 4}),
    "card": lambda m: {"shown": [[m.text(), m.make(float | int | str), None]], "warnings": m.make(list[str])},
    "payload": lambda m: {
        "kind": m.one_of([DeliveryKind.COMMAND, DeliveryKind.ACTION]),
        "action": m.one_of([*ACTIONS, "runbook.open"]),
        "value": m.one_of(["R0ABCDEF12", "restore-database|backup=" + "x" * 1900]),
        "text": m.one_of(["restore", "backup now", "help"]),
    },
}
"""What annotations do not say, by the name of the field or argument."""

ENDS = [state for state in RunState if state.is_final]


def _observed(m: Maker) -> RecordedEntry:
    """An entry as an observation writes it."""
    recorded = m.make(RecordedEntry)
    details = {"planned": recorded.at.isoformat(), "would": m.text(), "why_not": m.text(), "steps": m.make(list[str])}
    return dataclasses.replace(recorded, entry=dataclasses.replace(recorded.entry, details=details))


GIVEN: dict[str, dict[str, Any]] = {
    "bot.services.enrolment_documents:code_begun": {"address": lambda _: "otpauth://totp/Takumi:" + "x" * 300},
    "bot.services.call_documents:told": {"decisions": lambda m: [m.make(Decision)] * 7, "number": lambda _: 7},
    "bot.services.enrolment_documents:to_sign": {"typed": lambda m: {"message": {"nonce": "0" * 12, "a": m.text()}}},
    "bot.services.front:Front._opened_by_words": {"text": lambda m: m.one_of(("restore", "help"))},
    "bot.services.alert_documents:message": {
        "buttons": lambda m: [Buttons((Button(m.text(), "alert.escalate", "1"),))],
    },
    "bot.services.observing:_told": {"recorded": _observed},
    "bot.services.run_documents:result": {"run": lambda m: dataclasses.replace(m.make(Run), state=m.one_of(ENDS))},
}
"""Arguments that callers choose from less than their types allow, by function."""


@pytest.mark.parametrize("where", [*makers()])
def test_whatever_a_maker_makes_is_taken(where: str) -> None:
    made = []

    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=(Phase.generate,))
    @given(st.integers(0, 2**32), st.lists(st.text(), max_size=4))
    def drive(seed: int, texts: list[str]) -> None:
        shown = asyncio.run(_shown_by(where, Maker(seed, texts, SPECIAL)))
        made.extend(shown)
        for one in shown:
            assert problems(one) == []

    drive()
    assert made, f"{where} made nothing: its types do not say enough, so SPECIAL has to"


async def _shown_by(where: str, maker: Maker) -> list[Any]:
    module, _, name = where.partition(":")
    holder: Any = importlib.import_module(module)
    *outer, last = name.split(".")
    for each in outer:
        holder = maker.built(getattr(holder, each))
    function = getattr(holder, last)
    maker.parameters = _parameters_of(function, maker)
    try:
        answer = maker.call(function, **{name: make(maker) for name, make in GIVEN.get(where, {}).items()})
        answer = await answer if inspect.isawaitable(answer) else answer
    except BotError as error:
        answer = explained(error)
    return [one for each in [answer, *maker.sent] for one in _surfaces(each)]


def _parameters_of(function: Any, maker: Maker) -> Any:
    found = [c for _, c in maker.catalog.every_command() if c.handler is function]
    return maker.catalog.parameters(found[0]) if found else None


def _surfaces(made: Any) -> list[Any]:
    if isinstance(made, Reply):
        return [made.document, *([made.form] if made.form else [])]
    return [made] if isinstance(made, Document | Form | Opening) else []


def test_the_forms_that_are_constants_are_taken() -> None:
    found = [
        value
        for path in (PROJECT / "bot").rglob("*.py")
        if any(f"= {kind}(" in path.read_text(encoding="utf-8") for kind in MADE)
        for value in vars(importlib.import_module(".".join(path.relative_to(PROJECT).with_suffix("").parts))).values()
        if isinstance(value, Document | Form | Opening)
    ]
    assert found
    assert [problem for one in found for problem in problems(one)] == []


class Recording(AsyncWebClient):
    """Answers everything, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__("xoxb-none")
        self.calls: list[tuple[str, Json]] = []

    async def api_call(self, api_method: str, **sent: Any) -> Any:  # type: ignore[override] # only what the gateway uses
        self.calls.append((api_method, json.loads(json.dumps(sent["json"]))))
        return {"ok": True, "ts": "1.000001", "channel": "C0ALERTS01"}


class Answering:
    """A `response_url`, as the gateway sees it."""

    def __init__(self, calls: list[tuple[str, Json]]) -> None:
        self._calls = calls

    async def send(self, **sent: Any) -> Any:
        self._calls.append(("response_url", sent))
        return SimpleNamespace(status_code=200)


class Chat(SlackChat):
    """The gateway itself; files have no limits to keep, and pictures take long to draw."""

    async def _attach(self, *_: Any) -> None:
        return

    async def _hand_over(self, *_: Any) -> None:
        return


def ways_out() -> dict[str, str]:
    """Every method of the gateway that shows something, with the parameter that takes it."""
    showing = {Document, Form, Opening}
    return {
        name: parameter
        for name, method in vars(SlackChat).items()
        if inspect.iscoroutinefunction(method) and not name.startswith("_")
        for parameter, kind in hints_of(method).items()
        if showing & {kind, *get_args(kind)}
    }


def test_the_ways_out_are_found() -> None:
    assert {"post", "update", "whisper", "respond", "open_modal", "fill_modal"} <= ways_out().keys()


def problems(made: Any) -> list[str]:
    """What Slack would say to it, by every way out that takes it, drawn both ways."""
    return [found for plain in (False, True) for found in asyncio.run(_refusals(made, plain=plain))]


async def _refusals(made: Any, *, plain: bool) -> list[str]:
    client = Recording()
    chat = Chat(client, Redactor([SECRET]), {})
    chat._plain = plain
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gateway, "AsyncWebhookClient", lambda *_, **__: Answering(client.calls))
        for name, parameter in ways_out().items():
            method = getattr(chat, name)
            kind = hints_of(method)[parameter]
            if type(made) in {kind, *get_args(kind)}:
                await method(
                    **{p: IDS.get(p, "R0ABCDEF12") for p in hints_of(method) if p != "return"} | {parameter: made}
                )
    assert client.calls
    different = {json.dumps(sent.get("view") or sent["blocks"]): (method, sent) for method, sent in client.calls}
    found = [f"{method}: {problem}" for method, sent in different.values() for problem in _refused(method, sent)]
    return found + [problem for method, sent in client.calls for problem in _too_long(method, sent)]


def _refused(method: str, sent: Json) -> Iterator[str]:
    view = sent.get("view")
    if view is not None:
        yield from view_problems(view, "home" if method == "views.publish" else "modal")
        if len(json.dumps(view).encode()) > VIEW_LIMIT_BYTES:
            yield "view_too_large"
    else:
        yield from _message_problems(sent)
    yield from _misshapen((view or sent)["blocks"])


def _message_problems(sent: Json) -> Iterator[str]:
    try:
        Content(sent["text"], sent["blocks"], metadata=sent.get("metadata")).check()
    except SlackError as refusal:
        yield f"{refusal.code} {refusal.beside}"


def _too_long(method: str, sent: Json) -> Iterator[str]:
    """The one limit that is the method's own."""
    if method == "chat.update" and len(sent["text"]) > UPDATE_TEXT_LIMIT:
        yield "chat.update: msg_too_long"


def _misshapen(blocks: list[Json]) -> Iterator[str]:
    """Against Slack's own schema, once for each shape: it knows structure, not lengths."""
    for block in blocks:
        shape = json.dumps(_shape(block))
        if shape not in KNOWN_SHAPES and SCHEMA.exists():
            found = [error.message for error in VALIDATOR.iter_errors({"blocks": [block]})]
            if found:
                yield from found
            else:
                KNOWN_SHAPES.add(shape)


def _shape(value: Any, name: str = "") -> Any:
    """What the schema can tell apart: names, kinds and values of enumerations, not texts."""
    if isinstance(value, dict):
        return {key: _shape(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(_shape(item)) for item in value})
    return value if name in {"type", "style", "status", "align"} else type(value).__name__


def test_a_section_that_is_not_cut_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Document("long", [Text("x" * 3001)])
    assert problems(long) == []
    monkeypatch.setattr(render, "MAX_SECTION", 3001)
    assert any("must be less than 3001 characters" in problem for problem in problems(long))


def test_cleaning_after_drawing_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark is longer than what it stands for: a text that fits before it is cleaned may not fit afterwards."""
    marked = Document("marked", [Text("<!here>" * 428)])
    assert problems(marked) == []
    monkeypatch.setattr(gateway, "cleaned", lambda value, _: value)
    monkeypatch.setattr(Chat, "_render", _cleaned_late)
    assert any("must be less than 3001 characters" in problem for problem in problems(marked))


def _cleaned_late(chat: Chat, document: Document) -> Any:
    drawn = render.render(document, plain=chat._plain)
    blocks = json.loads(json.dumps(drawn.blocks).replace("<!here>", "(everyone)"))
    return dataclasses.replace(drawn, blocks=blocks)
