"""The Home tab and shortcuts: opened by a person, published by the app, pressed, searched, and led on to a modal."""

from collections.abc import AsyncIterator

import pytest

from demo.workspace.client import WorkspaceRefusedError
from tests.workspace_apps import Json, Wire, installed, manifest
from tests.workspace_socket import SocketApp, socket_app
from tests.workspace_surfaces import ACTIONS, AIKO, ALERTS, ALERTS_ID, NAME, modal, plain

SEARCH = {"type": "external_select", "action_id": "search", "min_query_length": 0, "placeholder": plain("Search")}
HOME: Json = {"type": "home", "blocks": [*ACTIONS, {"type": "actions", "block_id": "find", "elements": [SEARCH]}]}


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


@pytest.fixture
async def app(wire: Wire) -> AsyncIterator[SocketApp]:
    async with socket_app(wire) as connected:
        yield connected


async def published(wire: Wire, view: Json = HOME, user: str = AIKO, **hash_: str) -> Json:
    answer = await wire.call("views.publish", user_id=user, view=view, **hash_)
    assert answer["ok"], answer
    return dict(answer["view"])


async def test_each_opening_is_told_with_the_view_as_it_stands(wire: Wire, app: SocketApp) -> None:
    await wire.aiko.open_home()
    await app.until(lambda: len(app.events("app_home_opened")) == 1)
    home = await published(wire)
    assert (await wire.aiko.open_home())["view"]["id"] == home["id"]
    first, second = await app.until(lambda: len(app.events("app_home_opened")) == 2 and app.events("app_home_opened"))
    assert "view" not in first
    assert (second["view"]["id"], second["view"]["hash"]) == (home["id"], home["hash"])


async def test_publishing_again_changes_the_view_and_its_hash(wire: Wire) -> None:
    first = await published(wire)
    second = await published(wire, HOME | {"private_metadata": "2"}, hash=first["hash"])
    assert (second["id"], second["private_metadata"]) == (first["id"], "2")
    assert second["hash"] != first["hash"]
    answer = await wire.call("views.publish", user_id=AIKO, view=HOME, hash=first["hash"])
    assert answer["error"] == "hash_conflict"


async def test_each_person_has_a_home_of_their_own(wire: Wire) -> None:
    await published(wire, HOME | {"private_metadata": "aiko"})
    await published(wire, HOME | {"private_metadata": "taro"}, user="U0LEAD0001")
    homes = [await wire.people.person(name).home() for name in ("Aiko", "Taro", "Emi")]
    assert [home and home["private_metadata"] for home in homes] == ["aiko", "taro", None]


async def test_a_button_of_the_home_leads_to_a_modal(wire: Wire, app: SocketApp) -> None:
    home = await published(wire)
    await wire.aiko.act(home, "go")
    payload = app.payloads("block_actions")[0]
    assert (payload["container"], payload["view"]["type"]) == ({"type": "view", "view_id": home["id"]}, "home")
    assert "channel" not in payload
    assert "response_url" not in payload
    opened = await wire.call("views.open", trigger_id=payload["trigger_id"], view=modal())
    assert [v["id"] for v in await wire.aiko.views()] == [opened["view"]["id"]]
    assert (await wire.aiko.home() or {})["id"] == home["id"]


async def test_a_trigger_of_the_home_pushes_nothing_since_no_modal_is_open(wire: Wire, app: SocketApp) -> None:
    await wire.aiko.act(await published(wire), "go")
    trigger_id = app.payloads("block_actions")[0]["trigger_id"]
    assert await wire.error("views.push", trigger_id=trigger_id, view=modal()) == "not_found"


async def test_a_search_in_the_home_asks_and_chooses(wire: Wire, app: SocketApp) -> None:
    home = await published(wire)
    app.answer = lambda p: {"options": [{"text": plain("Restore"), "value": "restore"}]} if "value" in p else None
    (offered,) = await wire.aiko.options(home, "search", "re")
    await wire.aiko.act(home, "search", offered)
    payload = app.payloads("block_actions")[0]
    assert payload["actions"][0]["selected_option"]["value"] == "restore"
    assert app.payloads("block_suggestion")[0]["view"]["id"] == home["id"]


async def test_a_home_cannot_be_submitted_or_closed(wire: Wire) -> None:
    home = await published(wire)
    with pytest.raises(WorkspaceRefusedError, match="view_not_on_top"):
        await wire.aiko.submit(home)


async def test_two_apps_have_two_homes(wire: Wire) -> None:
    other = await wire.people.install(manifest("Staging", command="/takumi-staging"))
    await published(wire)
    assert (await wire.call("views.publish", other["bot_token"], user_id=AIKO, view=HOME))["ok"]
    homes = (await wire.people.get("views", **{"as": AIKO}))["homes"]
    assert {home["app_id"] for home in homes} == {wire.credentials["app_id"], other["app_id"]}


async def test_a_home_published_for_a_bot_or_nobody_is_refused(wire: Wire) -> None:
    for user in (wire.credentials["bot_user_id"], "U0NOBODY01"):
        assert await wire.error("views.publish", user_id=user, view=HOME) == "invalid_arguments"


async def test_a_global_shortcut_opens_a_modal_and_has_no_channel(wire: Wire, app: SocketApp) -> None:
    assert (await wire.aiko.shortcut("launch"))["ack"]["ok"]
    payload = app.payloads("shortcut")[0]
    assert ("channel" in payload, "response_url" in payload, "message" in payload) == (False, False, False)
    assert await wire.error("views.open", trigger_id=payload["trigger_id"], view=modal(blocks=[NAME])) is None


async def test_a_message_shortcut_answers_beside_the_message(wire: Wire, app: SocketApp) -> None:
    message = await wire.post("adopt me")
    await wire.aiko.shortcut("adopt", ALERTS, message)
    payload = app.payloads("message_action")[0]
    assert payload["channel"]["id"] == ALERTS_ID
    async with wire.session.post(payload["response_url"], json={"text": "adopted"}) as answer:
        assert answer.status == 200
    assert [m["text"] for m in await wire.aiko.ephemerals(ALERTS)] == ["adopted"]


async def test_a_shortcut_on_a_message_one_cannot_see_is_refused(wire: Wire, app: SocketApp) -> None:
    await wire.call("conversations.join", channel="C0GENERAL1")
    message = await wire.post("for staff", channel="C0GENERAL1")
    with pytest.raises(WorkspaceRefusedError, match="not_in_channel"):
        await wire.people.person("Gus").shortcut("adopt", "#general", message)
    assert app.payloads("message_action") == []


async def test_who_is_not_in_a_channel_can_neither_speak_nor_click_there(wire: Wire, app: SocketApp) -> None:
    await wire.call("conversations.join", channel="C0GENERAL1")
    message = await wire.post("x", channel="C0GENERAL1", blocks=ACTIONS)
    gus = wire.people.person("Gus")
    for acting in (
        gus.say("hello", "#general"),
        gus.command("/takumi", "#general"),
        gus.click(message, "go", "#general"),
    ):
        with pytest.raises(WorkspaceRefusedError, match="not_in_channel"):
            await acting
    assert app.payloads("block_actions") == []
