"""Every interactive element: what a person gives it reaches the app, and what it does not offer does not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from demo.workspace.blocks import elements
from demo.workspace.client import WorkspaceRefusedError
from demo.workspace.state.views import value_field
from tests.workspace_apps import Json, Wire, installed
from tests.workspace_socket import SocketApp, socket_app
from tests.workspace_surfaces import AIKO, ALERTS, ALERTS_ID, NAME, modal, opened, plain


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


@pytest.fixture
async def app(wire: Wire) -> AsyncIterator[SocketApp]:
    async with socket_app(wire) as connected:
        yield connected


OPTIONS = [{"text": plain(word) | {"emoji": True}, "value": word.lower()} for word in ("One", "Two", "Three")]
GROUPS = [{"label": plain("Numbers"), "options": OPTIONS}]
RICH = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "hi"}]}]}
SUGGESTED = {"text": plain("Found"), "value": "found"}

ELEMENTS: dict[str, tuple[Json, Any, Any]] = {
    "static_select": ({"options": OPTIONS}, OPTIONS[1], {"value": "four"}),
    "static_select in groups": ({"option_groups": GROUPS}, OPTIONS[1], {"value": "four"}),
    "external_select": ({}, SUGGESTED, None),
    "users_select": ({}, "U0LEAD0001", "U0NOBODY01"),
    "conversations_select": ({}, "C0GENERAL1", "C0NOWHERE1"),
    "channels_select": ({}, "C0GENERAL1", "C0NOWHERE1"),
    "multi_static_select": ({"options": OPTIONS, "max_selected_items": 2}, OPTIONS[:2], OPTIONS),
    "multi_external_select": ({"max_selected_items": 1}, [SUGGESTED], [SUGGESTED, SUGGESTED]),
    "multi_users_select": ({}, ["U0LEAD0001", "U0DEV00001"], ["U0NOBODY01"]),
    "multi_conversations_select": ({}, ["C0GENERAL1"], ["C0NOWHERE1"]),
    "multi_channels_select": ({}, ["C0GENERAL1"], ["C0NOWHERE1"]),
    "checkboxes": ({"options": OPTIONS}, OPTIONS[1:], [{"value": "four"}]),
    "radio_buttons": ({"options": OPTIONS}, OPTIONS[2], {"value": "four"}),
    "datepicker": ({}, "2026-11-24", "24.11.2026"),
    "timepicker": ({}, "03:00", "25:00"),
    "datetimepicker": ({}, 1_795_000_000, "tomorrow"),
    "rich_text_input": ({}, RICH, {"type": "sparkles"}),
    "plain_text_input": ({}, "words", 7),
    "number_input": ({"is_decimal_allowed": False}, "7", 7),
    "email_text_input": ({}, "aiko@takumi.example", 7),
    "url_text_input": ({}, "https://takumi.example/", 7),
}
"""Each element with its needed parts, something it takes, and something it does not."""

HOLDING_NO_STATE = {"button", "workflow_button", "overflow", "feedback_buttons", "icon_button", "file_input"}
every_element = pytest.mark.parametrize("named", ELEMENTS)


def made(named: str) -> Json:
    return {"type": named.split(maxsplit=1)[0], "action_id": "it", **ELEMENTS[named][0]}


def asking(named: str, **changes: Any) -> Json:
    return {"type": "input", "block_id": "in", "label": plain("It"), "element": made(named), **changes}


def given(named: str, chosen: Any) -> Json:
    field = value_field(named.split(maxsplit=1)[0])
    assert field is not None
    return {field: chosen}


def test_every_element_is_here() -> None:
    known = {
        *elements.BESIDE_SECTION, *elements.INPUTS, *elements.RICH_INPUT, *elements.FEEDBACK, *elements.ICON_BUTTON,
    }  # fmt: skip
    assert known == {named.split()[0] for named in ELEMENTS} | HOLDING_NO_STATE


IN_ACTIONS = [named for named in ELEMENTS if not named.split()[0].endswith("_input")]


@pytest.mark.parametrize("named", IN_ACTIONS)
async def test_a_choice_in_a_message_is_in_the_action_and_the_state(wire: Wire, app: SocketApp, named: str) -> None:
    blocks = [{"type": "actions", "block_id": "row", "elements": [made(named)]}]
    at = {"as": AIKO, "channel": ALERTS_ID, "ts": (await wire.post("x", blocks=blocks))["ts"], "action_id": "it"}
    _, right, wrong = ELEMENTS[named]
    await wire.people.post("click", **at, **given(named, right))
    payload = app.payloads("block_actions")[0]
    assert payload["actions"][0] == payload["actions"][0] | given(named, right)
    assert payload["state"]["values"]["row"]["it"] == {"type": named.split(maxsplit=1)[0], **given(named, right)}
    if wrong is not None:
        with pytest.raises(WorkspaceRefusedError, match="not_offered"):
            await wire.people.post("click", **at, **given(named, wrong))
    assert len(app.payloads("block_actions")) == 1


@every_element
async def test_an_input_tells_nothing_until_its_modal_is_submitted(wire: Wire, app: SocketApp, named: str) -> None:
    view = await opened(wire, app, modal(blocks=[asking(named)]))
    _, right, wrong = ELEMENTS[named]
    at = {"as": AIKO, "view_id": view["id"]}
    await wire.people.post("view/action", **at, action_id="it", block_id="in", **given(named, right))
    assert app.payloads("block_actions") == []
    if wrong is not None:
        with pytest.raises(WorkspaceRefusedError, match="not_offered"):
            await wire.people.post("view/submit", **at, values={"in": {"it": given(named, wrong)}})
    await wire.people.post("view/submit", **at, values={"in": {"it": given(named, right)}})
    (sent,) = app.payloads("view_submission")
    assert sent["view"]["state"]["values"]["in"]["it"] == {"type": named.split(maxsplit=1)[0], **given(named, right)}


@every_element
async def test_an_input_that_dispatches_tells_at_once(wire: Wire, app: SocketApp, named: str) -> None:
    view = await opened(wire, app, modal(blocks=[asking(named, dispatch_action=True)]))
    at = {"as": AIKO, "view_id": view["id"], "action_id": "it", "block_id": "in"}
    right = given(named, ELEMENTS[named][1])
    await wire.people.post("view/action", **at, **right)
    (payload,) = app.payloads("block_actions")
    assert payload["actions"][0] == payload["actions"][0] | right
    assert payload["view"]["state"]["values"]["in"]["it"] == {"type": named.split(maxsplit=1)[0], **right}
    assert payload["container"] == {"type": "view", "view_id": view["id"]}


async def test_an_overflow_menu_sends_the_option_it_offers(wire: Wire, app: SocketApp) -> None:
    menu = {"type": "overflow", "action_id": "it", "options": OPTIONS}
    section = {"type": "section", "text": plain("x"), "accessory": menu}
    message = await wire.post("x", blocks=[section])
    await wire.aiko.select(message, "it", "Two", ALERTS)
    assert app.payloads("block_actions")[0]["actions"][0]["selected_option"]["value"] == "two"


async def test_feedback_buttons_send_the_value_of_the_one_pressed(wire: Wire, app: SocketApp) -> None:
    buttons = {"type": "feedback_buttons", "action_id": "it"}
    buttons |= {f"{way}_button": {"text": plain(way), "value": way} for way in ("positive", "negative")}
    ts = (await wire.post("x", blocks=[{"type": "context_actions", "elements": [buttons]}]))["ts"]
    at = {"as": AIKO, "channel": ALERTS_ID, "ts": ts, "action_id": "it"}
    await wire.people.post("click", **at, value="negative")
    assert app.payloads("block_actions")[0]["actions"][0]["value"] == "negative"
    with pytest.raises(WorkspaceRefusedError, match="not_offered"):
        await wire.people.post("click", **at, value="maybe")


async def test_a_file_input_hands_the_file_over(wire: Wire, app: SocketApp) -> None:
    element = {"type": "file_input", "action_id": "it", "max_files": 1}
    view = await opened(wire, app, modal(blocks=[asking("plain_text_input") | {"element": element}]))
    file = await wire.aiko.upload("plan.txt", b"the plan")
    with pytest.raises(WorkspaceRefusedError, match="not_offered"):
        await wire.aiko.submit(view, {"it": [file["id"], file["id"]]})
    with pytest.raises(WorkspaceRefusedError, match="not_offered"):
        await wire.aiko.submit(view, {"it": ["F0NOTHING1"]})
    await wire.aiko.submit(view, {"it": [file["id"]]})
    (handed,) = app.payloads("view_submission")[0]["view"]["state"]["values"]["in"]["it"]["files"]
    assert (handed["name"], handed["user"], handed["size"]) == ("plan.txt", AIKO, 8)
    headers = {"Authorization": f"Bearer {wire.credentials['bot_token']}"}
    async with wire.session.get(handed["url_private_download"], headers=headers) as answer:
        assert await answer.read() == b"the plan"


@pytest.mark.parametrize(("least", "typed", "is_asked"), [(2, "ab", True), (2, "a", False), (None, "abc", True),
                                                          (None, "ab", False), (0, "", True)])  # fmt: skip
async def test_an_external_select_asks_once_enough_is_typed(
    wire: Wire, app: SocketApp, least: int | None, typed: str, *, is_asked: bool
) -> None:
    element = {"type": "external_select", "action_id": "it", **({} if least is None else {"min_query_length": least})}
    view = await opened(wire, app, modal(blocks=[asking("external_select") | {"element": element}]))
    app.answer = lambda _: {"options": [SUGGESTED]}
    assert await wire.aiko.options(view, "it", typed) == ([SUGGESTED] if is_asked else [])
    assert len(app.payloads("block_suggestion")) == is_asked


async def test_an_external_select_of_a_message_may_answer_in_groups(wire: Wire, app: SocketApp) -> None:
    select = {"type": "multi_external_select", "action_id": "it", "min_query_length": 0}
    message = await wire.post("x", blocks=[{"type": "actions", "block_id": "row", "elements": [select]}])
    app.answer = lambda _: {"option_groups": GROUPS}
    at = {"as": AIKO, "channel": ALERTS_ID, "ts": message["ts"], "block_id": "row"}
    answer = await wire.people.post("options", **at, action_id="it", value="")
    assert answer["option_groups"] == GROUPS
    (asked,) = app.payloads("block_suggestion")
    assert (asked["message"]["ts"], asked["channel"]["id"]) == (message["ts"], ALERTS_ID)


async def test_only_an_external_select_asks_for_options(wire: Wire, app: SocketApp) -> None:
    view = await opened(wire, app, modal(blocks=[NAME]))
    with pytest.raises(WorkspaceRefusedError, match="not_offered"):
        await wire.aiko.options(view, "text", "abc")
    assert app.payloads("block_suggestion") == []


async def test_a_confirmation_is_sent_back_with_the_button(wire: Wire, app: SocketApp) -> None:
    ask = {"title": plain("Sure?"), "text": plain("It cannot be undone."), "confirm": plain("Yes"), "deny": plain("No")}
    button = {
        "type": "button",
        "action_id": "it",
        "text": plain("Go"),
        "confirm": ask,
        "url": "https://takumi.example/",
    }
    message = await wire.post("x", blocks=[{"type": "actions", "elements": [button]}])
    await wire.aiko.click(message, "it", ALERTS)
    action = app.payloads("block_actions")[0]["actions"][0]
    assert (action["confirm"]["title"]["text"], action["url"]) == ("Sure?", "https://takumi.example/")
