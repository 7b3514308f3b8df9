"""Modals: submitting, errors at their fields, the stack of three, hashes, closing."""

from collections.abc import AsyncIterator

import pytest

from demo.workspace.client import WorkspaceRefusedError
from tests.workspace_apps import Json, Wire, installed, manifest
from tests.workspace_socket import SocketApp, socket_app
from tests.workspace_surfaces import ACTIONS, AIKO, BUTTON, NAME, modal, opened, plain


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


@pytest.fixture
async def app(wire: Wire) -> AsyncIterator[SocketApp]:
    async with socket_app(wire) as connected:
        yield connected


async def test_a_submission_carries_the_typed_values_and_closes(wire: Wire, app: SocketApp) -> None:
    view = await opened(wire, app, modal(private_metadata="secret", callback_id="ask"))
    assert await wire.aiko.submit(view, {"name": "Takumi"}) == {"ok": True, "ack": {"ok": True}}
    sent = app.payloads("view_submission")[0]["view"]
    assert sent["state"]["values"]["name"]["text"] == {"type": "plain_text_input", "value": "Takumi"}
    assert (sent["private_metadata"], sent["callback_id"], sent["hash"]) == ("secret", "ask", view["hash"])
    assert await wire.aiko.views() == []


async def test_errors_keep_the_modal_open_and_stand_at_their_field(wire: Wire, app: SocketApp) -> None:
    view = await opened(wire, app)
    app.answer = lambda _: {"response_action": "errors", "errors": {"name": "taken"}}
    answer = await wire.aiko.submit(view, {"name": "Takumi"})
    assert (answer["response_action"], answer["errors"]) == ("errors", {"name": "taken"})
    assert [v["id"] for v in await wire.aiko.views()] == [view["id"]]


async def test_an_error_at_no_field_is_trouble(wire: Wire, app: SocketApp) -> None:
    view = await opened(wire, app)
    app.answer = lambda _: {"response_action": "errors", "errors": {"nome": "taken"}}
    assert (await wire.aiko.submit(view, {"name": "Takumi"}))["ack"]["error"] == "invalid_response"
    assert len(await wire.aiko.views()) == 1


async def test_a_required_field_is_asked_for_before_the_app_hears_of_it(wire: Wire, app: SocketApp) -> None:
    view = await opened(wire, app)
    assert (await wire.aiko.submit(view, {"name": ""}))["errors"] == {"name": "Please complete this required field."}
    assert app.payloads("view_submission") == []


@pytest.mark.parametrize(
    ("element", "typed", "is_fine"),
    [
        ({"type": "plain_text_input", "max_length": 3}, "abc", True),
        ({"type": "plain_text_input", "max_length": 3}, "abcd", False),
        ({"type": "plain_text_input", "min_length": 3}, "ab", False),
        ({"type": "number_input", "is_decimal_allowed": False}, "1.5", False),
        ({"type": "number_input", "is_decimal_allowed": True, "max_value": "2"}, "1.5", True),
        ({"type": "number_input", "is_decimal_allowed": True, "max_value": "2"}, "2.5", False),
        ({"type": "email_text_input"}, "aiko", False),
        ({"type": "url_text_input"}, "https://example.com", True),
    ],
)
async def test_a_field_keeps_its_own_rules(
    wire: Wire, app: SocketApp, element: Json, typed: str, *, is_fine: bool
) -> None:
    view = await opened(wire, app, modal(blocks=[NAME | {"element": element | {"action_id": "text"}}]))
    assert ("errors" not in await wire.aiko.submit(view, {"name": typed})) is is_fine


async def test_a_submission_may_update_push_and_clear(wire: Wire, app: SocketApp) -> None:
    view = await opened(wire, app)
    app.answer = lambda _: {"response_action": "update", "view": modal(title=plain("Updated"))}
    await wire.aiko.submit(view, {"name": "x"})
    app.answer = lambda _: {"response_action": "push", "view": modal(title=plain("Pushed"))}
    await wire.aiko.submit((await wire.aiko.views())[-1], {"name": "x"})
    stack = await wire.aiko.views()
    assert [v["title"]["text"] for v in stack] == ["Updated", "Pushed"]
    assert stack[1]["previous_view_id"] == stack[1]["root_view_id"] == stack[0]["id"] == view["id"]
    app.answer = lambda _: {"response_action": "clear"}
    await wire.aiko.submit(stack[-1], {"name": "x"})
    assert await wire.aiko.views() == []


async def test_an_unanswered_submission_leaves_the_modal_open_and_says_so(wire: Wire) -> None:
    async with socket_app(wire) as app:
        view = await opened(wire, app)
    answer = await wire.aiko.submit(view, {"name": "x"})
    assert answer["ack"]["ok"] is False
    assert "trouble" in answer["ack"]["text"]
    assert len(await wire.aiko.views()) == 1


async def test_three_views_lie_on_each_other_and_not_four(wire: Wire, app: SocketApp) -> None:
    press = {"type": "actions", "block_id": "b", "elements": [BUTTON]}
    view = await opened(wire, app, modal(blocks=[press]))
    for expected in (None, None, "push_limit_reached"):
        await wire.aiko.act((await wire.aiko.views())[-1], "go")
        trigger_id = app.payloads("block_actions")[-1]["trigger_id"]
        assert await wire.error("views.push", trigger_id=trigger_id, view=modal(blocks=[press])) == expected
    assert len(await wire.aiko.views()) == 3
    assert (await wire.aiko.views())[0]["id"] == view["id"]


async def test_an_outdated_hash_is_a_conflict(wire: Wire, app: SocketApp) -> None:
    view = await opened(wire, app)
    at = {"view_id": view["id"], "view": modal(title=plain("New"))}
    assert await wire.error("views.update", **at, hash=view["hash"]) is None
    assert await wire.error("views.update", **at, hash=view["hash"]) == "hash_conflict"


async def test_an_external_id_is_unique_and_finds_its_view(wire: Wire, app: SocketApp) -> None:
    view = await opened(wire, app, modal(external_id="ours"))
    updated = await wire.call("views.update", external_id="ours", view=modal(external_id="ours"))
    assert updated["view"]["id"] == view["id"]
    home = {"type": "home", "blocks": [], "external_id": "ours"}
    assert await wire.error("views.publish", user_id=AIKO, view=home) == "duplicate_external_id"


async def test_an_update_keeps_what_was_typed(wire: Wire, app: SocketApp) -> None:
    view = await opened(wire, app, modal(blocks=[NAME, ACTIONS[0]]))
    typed = {"name": {"text": {"type": "plain_text_input", "value": "half"}}}
    at = {"as": AIKO, "view_id": view["id"], "action_id": "go", "block_id": "row"}
    await wire.people.post("view/action", **at, values=typed)
    answer = await wire.call("views.update", view_id=view["id"], view=modal(title=plain("New")))
    assert answer["view"]["state"]["values"]["name"]["text"]["value"] == "half"


async def test_closing_is_told_only_where_asked(wire: Wire, app: SocketApp) -> None:
    await wire.aiko.close(await opened(wire, app))
    assert app.payloads("view_closed") == []
    await wire.aiko.close(await opened(wire, app, modal(notify_on_close=True)))
    assert [p["is_cleared"] for p in app.payloads("view_closed")] == [False]
    await wire.aiko.close(await opened(wire, app, modal(notify_on_close=True)), all_views=True)
    assert [p["is_cleared"] for p in app.payloads("view_closed")] == [False, True]
    assert await wire.aiko.views() == []


async def test_clear_on_close_takes_the_whole_stack_along(wire: Wire, app: SocketApp) -> None:
    await opened(wire, app)
    app.answer = lambda _: {"response_action": "push", "view": modal(clear_on_close=True, notify_on_close=True)}
    await wire.aiko.submit((await wire.aiko.views())[-1], {"name": "x"})
    await wire.aiko.close((await wire.aiko.views())[-1])
    assert await wire.aiko.views() == []
    assert [p["is_cleared"] for p in app.payloads("view_closed")] == [True]


async def test_an_answer_cannot_push_a_fourth_view(wire: Wire, app: SocketApp) -> None:
    await opened(wire, app)
    app.answer = lambda _: {"response_action": "push", "view": modal()}
    told = [await wire.aiko.submit((await wire.aiko.views())[-1], {"name": "x"}) for _ in range(3)]
    assert [one["ack"]["ok"] for one in told] == [True, True, False]
    assert len(await wire.aiko.views()) == 3


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "dance"},
        {"response_action": "update", "view": {"type": "modal"}},
        {"response_action": "push"},
        {"response_action": "errors"},
        {"response_action": "errors", "errors": {}},
    ],
    ids=str,
)
async def test_an_answer_slack_would_not_understand_leaves_the_modal_open(
    wire: Wire, app: SocketApp, answer: Json
) -> None:
    view = await opened(wire, app)
    app.answer = lambda _: answer
    told = await wire.aiko.submit(view, {"name": "x"})
    assert (told["ack"]["error"], "trouble" in told["ack"]["text"]) == ("invalid_response", True)
    assert [v["id"] for v in await wire.aiko.views()] == [view["id"]]


async def test_only_the_top_view_can_be_submitted_or_closed(wire: Wire, app: SocketApp) -> None:
    below = await opened(wire, app)
    app.answer = lambda _: {"response_action": "push", "view": modal()}
    await wire.aiko.submit(below, {"name": "x"})
    for acting in (wire.aiko.submit(below, {"name": "x"}), wire.aiko.close(below)):
        with pytest.raises(WorkspaceRefusedError, match="view_not_on_top"):
            await acting


async def test_a_modal_is_its_persons_alone(wire: Wire, app: SocketApp) -> None:
    view = await opened(wire, app)
    taro = wire.people.person("Taro")
    assert await taro.views() == []
    with pytest.raises(WorkspaceRefusedError, match="view_not_found"):
        await taro.submit(view, {"name": "x"})


async def test_a_view_of_another_app_cannot_be_changed(wire: Wire, app: SocketApp) -> None:
    view = await opened(wire, app)
    other = await wire.people.install(manifest("Staging", command="/takumi-staging"))
    answer = await wire.call("views.update", other["bot_token"], view_id=view["id"], view=modal())
    assert answer["error"] == "not_found"
