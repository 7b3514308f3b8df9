"""Clicks, triggers, response addresses, suggestions, shortcuts, the Home tab."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from demo.workspace.client import WorkspaceRefusedError
from tests.workspace_apps import Json, Wire, installed, manifest
from tests.workspace_socket import SocketApp, socket_app
from tests.workspace_surfaces import ACTIONS, AIKO, ALERTS, ALERTS_ID, NAME, modal, opened, plain, trigger


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


@pytest.fixture
async def app(wire: Wire) -> AsyncIterator[SocketApp]:
    async with socket_app(wire) as connected:
        yield connected


async def clicked(wire: Wire, app: SocketApp, **post: Any) -> Json:
    """The payload of a click on a fresh message's button."""
    message = await wire.post("buttons", blocks=ACTIONS, **post)
    assert (await wire.aiko.click(message, "Go!", ALERTS))["ok"]
    return app.payloads("block_actions")[-1]


async def respond(wire: Wire, url: str, **body: Any) -> tuple[int, str]:
    async with wire.session.post(url, json=body) as answer:
        return answer.status, await answer.text()


async def test_a_click_carries_who_where_and_what(wire: Wire, app: SocketApp) -> None:
    payload = await clicked(wire, app)
    assert payload["user"]["id"] == AIKO
    assert payload["channel"] == {"id": ALERTS_ID, "name": "takumi-alerts"}
    assert payload["container"]["message_ts"] == payload["message"]["ts"]
    action = payload["actions"][0]
    assert (action["action_id"], action["block_id"], action["value"]) == ("go", "row", "run-1")
    assert float(action["action_ts"]) > 0


async def test_a_choice_is_in_the_action_and_in_the_state(wire: Wire, app: SocketApp) -> None:
    message = await wire.post("menu", blocks=ACTIONS)
    await wire.aiko.select(message, "menu", "Two", ALERTS)
    payload = app.payloads("block_actions")[0]
    assert payload["actions"][0]["selected_option"]["value"] == "2"
    assert payload["state"]["values"]["row"]["menu"]["selected_option"]["value"] == "2"


async def test_what_is_not_offered_cannot_be_chosen(wire: Wire, app: SocketApp) -> None:
    ts = (await wire.post("menu", blocks=ACTIONS))["ts"]
    where = {"as": AIKO, "channel": ALERTS_ID, "ts": ts}
    with pytest.raises(WorkspaceRefusedError, match="not_offered"):
        await wire.people.post("click", **where, action_id="menu", selected_option={"value": "3"})
    with pytest.raises(WorkspaceRefusedError, match="element_not_found"):
        await wire.people.post("click", **where, action_id="stop")
    assert app.payloads("block_actions") == []


async def test_a_buttons_value_is_its_own_whatever_is_sent(wire: Wire, app: SocketApp) -> None:
    ts = (await wire.post("x", blocks=ACTIONS))["ts"]
    await wire.people.post("click", **{"as": AIKO, "channel": ALERTS_ID, "ts": ts, "action_id": "go", "value": "run-2"})
    assert app.payloads("block_actions")[0]["actions"][0]["value"] == "run-1"


async def test_without_interactivity_in_the_manifest_a_click_goes_nowhere() -> None:
    async with installed(manifest(interactive=False)) as wire, socket_app(wire) as app:
        message = await wire.post("x", blocks=ACTIONS)
        assert (await wire.aiko.click(message, "go", ALERTS))["error"] == "interactivity_not_enabled"
        assert app.payloads("block_actions") == []


async def test_a_trigger_works_once(wire: Wire, app: SocketApp) -> None:
    trigger_id = await trigger(wire, app)
    assert await wire.error("views.open", trigger_id=trigger_id, view=modal()) is None
    assert await wire.error("views.open", trigger_id=trigger_id, view=modal()) == "exchanged_trigger_id"


async def test_a_trigger_lives_three_seconds(wire: Wire, app: SocketApp) -> None:
    early, late = await trigger(wire, app), await trigger(wire, app)
    await wire.people.advance_clock(timedelta(seconds=2))
    assert await wire.error("views.open", trigger_id=early, view=modal()) is None
    await wire.people.advance_clock(timedelta(seconds=1))
    assert await wire.error("views.open", trigger_id=late, view=modal()) == "expired_trigger_id"


async def test_a_trigger_belongs_to_its_app(wire: Wire, app: SocketApp) -> None:
    other = await wire.people.install(manifest("Staging", command="/takumi-staging"))
    answer = await wire.call("views.open", other["bot_token"], trigger_id=await trigger(wire, app), view=modal())
    assert answer["error"] == "invalid_trigger_id"


async def test_a_response_address_takes_five_posts(wire: Wire, app: SocketApp) -> None:
    url = (await clicked(wire, app))["response_url"]
    statuses = [(await respond(wire, url, text=f"{n}"))[0] for n in range(6)]
    assert statuses == [200] * 5 + [404]
    assert [m["text"] for m in await wire.aiko.ephemerals(ALERTS)] == list("01234")
    assert await wire.people.person("Taro").ephemerals(ALERTS) == []


async def test_a_response_address_lives_thirty_minutes(wire: Wire, app: SocketApp) -> None:
    url = (await clicked(wire, app))["response_url"]
    await wire.people.advance_clock(timedelta(minutes=29, seconds=59))
    assert (await respond(wire, url, text="in time"))[0] == 200
    await wire.people.advance_clock(timedelta(seconds=2))
    assert (await respond(wire, url, text="late"))[0] == 404


async def test_a_response_may_be_seen_by_all(wire: Wire, app: SocketApp) -> None:
    url = (await clicked(wire, app))["response_url"]
    await respond(wire, url, text="public", response_type="in_channel")
    assert [m["text"] for m in await wire.people.person("Taro").messages(ALERTS)] == ["buttons", "public"]


async def test_a_response_may_replace_or_delete_its_message(wire: Wire, app: SocketApp) -> None:
    url = (await clicked(wire, app))["response_url"]
    await respond(wire, url, text="replaced", replace_original=True)
    shown = await wire.aiko.messages(ALERTS)
    assert [(m["text"], "blocks" in m, "edited" in m) for m in shown] == [("replaced", False, True)]
    await respond(wire, url, delete_original=True)
    assert await wire.aiko.messages(ALERTS) == []


async def test_a_response_may_delete_an_ephemeral(wire: Wire, app: SocketApp) -> None:
    await wire.call("chat.postEphemeral", channel=ALERTS_ID, user=AIKO, blocks=ACTIONS)
    whispered = (await wire.aiko.ephemerals(ALERTS))[0]
    await wire.aiko.click(whispered, "go", ALERTS)
    payload = app.payloads("block_actions")[0]
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload
    await respond(wire, payload["response_url"], delete_original=True)
    assert await wire.aiko.ephemerals(ALERTS) == []


async def test_a_refused_response_costs_no_use(wire: Wire, app: SocketApp) -> None:
    url = (await clicked(wire, app))["response_url"]
    for _ in range(6):
        status, body = await respond(wire, url, blocks=[{"type": "sparkles"}])
        assert (status, "invalid_blocks" in body) == (400, True)
    assert (await respond(wire, url, text="still good"))[0] == 200


async def test_an_external_select_asks_the_app(wire: Wire, app: SocketApp) -> None:
    element = {"type": "external_select", "action_id": "who", "min_query_length": 1}
    view = await opened(wire, app, modal(blocks=[NAME | {"block_id": "pick", "element": element}]))
    app.answer = lambda p: {"options": [{"text": plain(p["value"].upper()), "value": p["value"]}]}
    offered = await wire.aiko.options(view, "who", "ab")
    assert offered == [{"text": plain("AB"), "value": "ab"}]
    asked = app.payloads("block_suggestion")[0]
    assert (asked["action_id"], asked["block_id"], asked["value"]) == ("who", "pick", "ab")


async def test_an_external_select_shows_no_more_than_a_hundred_options(wire: Wire, app: SocketApp) -> None:
    element = {"type": "external_select", "action_id": "who", "min_query_length": 0}
    view = await opened(wire, app, modal(blocks=[NAME | {"block_id": "pick", "element": element}]))
    for count, shown in ((100, 100), (101, 0)):
        app.answer = lambda _, count=count: {"options": [{"text": plain("x"), "value": "x"}] * count}
        assert len(await wire.aiko.options(view, "who", "")) == shown


async def test_shortcuts_reach_the_app_that_declared_them(wire: Wire, app: SocketApp) -> None:
    message = await wire.post("adopt me")
    await wire.aiko.shortcut("launch")
    await wire.aiko.shortcut("adopt", ALERTS, message)
    assert app.payloads("shortcut")[0]["callback_id"] == "launch"
    adopted = app.payloads("message_action")[0]
    assert (adopted["message"]["text"], adopted["message_ts"]) == ("adopt me", message["ts"])
    with pytest.raises(WorkspaceRefusedError, match="unknown_shortcut"):
        await wire.aiko.shortcut("adopt")


async def test_opening_home_tells_the_app_and_shows_what_it_published(wire: Wire, app: SocketApp) -> None:
    assert (await wire.aiko.open_home())["view"] is None
    event = await app.until(lambda: app.events("app_home_opened"))
    assert (event[0]["user"], event[0]["tab"]) == (AIKO, "home")
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    await wire.call("views.publish", user_id=AIKO, view=home)
    shown = await wire.aiko.home()
    assert shown is not None
    assert shown["blocks"][0]["type"] == "divider"
    assert await wire.people.person("Taro").home() is None


async def test_an_undeclared_event_is_not_sent() -> None:
    async with installed(manifest(events=["app_mention"])) as wire, socket_app(wire) as app:
        await wire.aiko.say("just talking", ALERTS)
        await wire.aiko.say("@takumi help", ALERTS)
        await app.until(lambda: app.events("app_mention"))
        assert app.events("message") == []


async def test_two_apps_live_side_by_side_under_their_commands(wire: Wire, app: SocketApp) -> None:
    staging = await wire.people.install(manifest("Staging", command="/takumi-staging"))
    other = Wire(wire.running, wire.people, staging, wire.session)
    async with socket_app(other) as second:
        await wire.aiko.command("/takumi help", ALERTS)
        await wire.aiko.command("/takumi-staging help", ALERTS)
        assert [p["command"] for p in app.payloads("slash_commands")] == ["/takumi"]
        assert [p["command"] for p in second.payloads("slash_commands")] == ["/takumi-staging"]
