"""What holds for every method: scopes, tiers, pages, where a token may stand; and the three-part upload."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from demo.workspace.api.limits import POST_BURST, Limits
from demo.workspace.api.registry import METHODS, Method
from tests.workspace_apps import SCOPES, Json, Wire, installed, manifest

ALERTS, ALERTS_NAME, RANDOM, AIKO = "C0ALERTS01", "#takumi-alerts", "C0RANDOM01", "U0DEV00001"
SCOPED = {name: method for name, method in METHODS.items() if method.scopes}
CALLS_A_MINUTE = {"t1": 1, "t2": 20, "t3": 50, "t4": 100}


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        await fresh.people.fault("rate_limits", enabled=False)
        yield fresh


async def test_every_method_says_which_scope_is_missing_and_which_are_there() -> None:
    async with installed(manifest(scopes=["commands"], events=[])) as wire:
        await wire.people.fault("rate_limits", enabled=False)
        told = {name: await wire.call(name) for name in SCOPED}
    assert {name: (a["error"], a["needed"], a["provided"]) for name, a in told.items()} == {
        name: ("missing_scope", ",".join(method.scopes), "commands") for name, method in SCOPED.items()
    }


@pytest.mark.parametrize(
    ("method", "lacking", "arguments"),
    [
        ("conversations.history", "channels:history", {"channel": ALERTS}),
        ("conversations.replies", "channels:history", {"channel": ALERTS, "ts": "1.000001"}),
        ("conversations.info", "channels:read", {"channel": ALERTS}),
        ("conversations.list", "channels:read", {}),
        ("conversations.open", "im:write", {"users": AIKO}),
        ("conversations.create", "channels:manage", {"name": "room"}),
    ],
)
async def test_a_scope_for_another_kind_of_channel_does_not_do(method: str, lacking: str, arguments: Json) -> None:
    """The method's scopes are alternatives, one a kind of conversation: this kind needs its own."""
    others = {scope for scope in METHODS[method].scopes if scope in SCOPES} - {lacking}
    async with installed(manifest(scopes=["commands", *others, "groups:history", "groups:read"], events=[])) as wire:
        answer = await wire.call(method, **arguments)
    assert (answer.get("error"), answer.get("needed")) == ("missing_scope", lacking)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_a_method_takes_the_calls_of_its_tier_a_minute_and_no_more(method: Method) -> None:
    limits, now = Limits(), 1_000_000.0
    allowed = POST_BURST if method.name == "chat.postMessage" else CALLS_A_MINUTE.get(method.tier, 600)
    waits = [limits.retry_after_seconds("A1", method, ALERTS, now) for _ in range(allowed + 1)]
    assert waits[:-1] == [0] * allowed
    assert waits[-1] >= 1
    assert limits.retry_after_seconds("A2", method, ALERTS, now) == 0
    assert limits.retry_after_seconds("A1", method, ALERTS, now + waits[-1]) == 0


async def pages(wire: Wire, method: str, holder: str, **arguments: Any) -> list[Any]:
    """All items, fetched one or two at a time."""
    found: list[Any] = []
    cursor = ""
    while True:
        answer = await wire.call(method, limit=2, cursor=cursor, **arguments)
        assert answer["ok"], answer
        assert len(answer[holder]) <= 2
        found += answer[holder]
        cursor = answer["response_metadata"]["next_cursor"]
        if not cursor:
            return found


PAGED: dict[str, tuple[str, Json]] = {
    "users.list": ("members", {}),
    "users.conversations": ("channels", {}),
    "conversations.list": ("channels", {}),
    "conversations.members": ("members", {"channel": ALERTS}),
    "conversations.history": ("messages", {"channel": ALERTS}),
    "conversations.replies": ("messages", {"channel": ALERTS}),
    "chat.scheduledMessages.list": ("scheduled_messages", {}),
    "reactions.list": ("items", {}),
}


def test_every_method_with_a_cursor_is_paged_here() -> None:
    assert {name for name, method in METHODS.items() if "cursor" in method.arguments} - {"files.info"} == PAGED.keys()


@pytest.mark.parametrize("method", PAGED)
async def test_pages_together_are_the_whole(wire: Wire, method: str) -> None:
    holder, arguments = PAGED[method]
    parent = (await wire.post())["ts"]
    now = int(wire.running.stand_in.world.clock.now())
    for number in range(5):
        ts = (await wire.post(f"{number}", thread_ts=parent))["ts"]
        await wire.post(f"{number}")
        await wire.call("reactions.add", channel=ALERTS, timestamp=ts, name="eyes")
        await wire.call("chat.scheduleMessage", channel=ALERTS, text="x", post_at=now + 600 + number)
        await wire.call("conversations.create", name=f"room-{number}")
    at = {"ts": parent} if method == "conversations.replies" else {}
    whole = (await wire.call(method, **arguments, **at))[holder]
    assert len(whole) >= 5
    assert await pages(wire, method, holder, **arguments, **at) == whole


@pytest.mark.parametrize("place", ["header", "form", "query", "json"])
async def test_a_token_may_stand_in_the_header_or_among_the_arguments(wire: Wire, place: str) -> None:
    token = {"token": wire.credentials["bot_token"]}
    sent: dict[str, Any] = {
        "header": {"headers": {"Authorization": f"Bearer {token['token']}"}},
        "form": {"data": token},
        "query": {"params": token},
        "json": {"json": token},
    }[place]
    async with wire.session.post(f"{wire.running.api_url}auth.test", **sent) as answer:
        told = await answer.json()
    assert (told["ok"], told["user_id"]) == (True, wire.credentials["bot_user_id"])


async def test_an_answer_names_the_scopes_of_its_token(wire: Wire) -> None:
    headers = {"Authorization": f"Bearer {wire.credentials['bot_token']}"}
    async with wire.session.post(f"{wire.running.api_url}auth.test", headers=headers) as answer:
        assert answer.headers["X-OAuth-Scopes"].split(",") == SCOPES


async def uploaded(wire: Wire, name: str, content: bytes) -> str:
    made = await wire.call("files.getUploadURLExternal", filename=name, length=len(content))
    async with wire.session.post(made["upload_url"], data=content) as answer:
        assert (answer.status, await answer.text()) == (200, f"OK - {len(content)}")
    return str(made["file_id"])


async def test_several_files_come_as_one_message_in_their_thread(wire: Wire) -> None:
    parent = (await wire.post())["ts"]
    ids = [await uploaded(wire, f"{n}.txt", b"x" * (n + 1)) for n in range(3)]
    files = [{"id": file_id, "title": f"Part {n}"} for n, file_id in enumerate(ids)]
    said = {"initial_comment": "three parts", "thread_ts": parent, "channel_id": ALERTS}
    answer = await wire.call("files.completeUploadExternal", files=files, **said)
    assert [(f["id"], f["title"], f["size"]) for f in answer["files"]] == [
        (file_id, f"Part {n}", n + 1) for n, file_id in enumerate(ids)
    ]
    (message,) = (await wire.aiko.messages(ALERTS_NAME, parent))[1:]
    assert (message["text"], [f["id"] for f in message["files"]]) == ("three parts", ids)
    share = answer["files"][0]["shares"]["public"][ALERTS][0]
    assert (share["ts"], share["thread_ts"]) == (message["ts"], parent)


async def test_a_file_may_go_to_several_channels_at_once(wire: Wire) -> None:
    await wire.call("conversations.join", channel=RANDOM)
    file_id = await uploaded(wire, "a.txt", b"a")
    await wire.call("files.completeUploadExternal", files=[{"id": file_id}], channels=f"{ALERTS},{RANDOM}")
    for channel in (ALERTS_NAME, "#random"):
        assert (await wire.aiko.messages(channel))[-1]["files"][0]["id"] == file_id
    assert {*(await wire.call("files.info", file=file_id))["file"]["channels"]} == {ALERTS, RANDOM}


async def test_a_file_without_a_channel_is_there_and_shared_nowhere(wire: Wire) -> None:
    file_id = await uploaded(wire, "a.txt", b"a")
    assert await wire.error("files.info", file=file_id) == "file_not_found"
    await wire.call("files.completeUploadExternal", files=[{"id": file_id}])
    assert (await wire.call("files.info", file=file_id))["file"]["channels"] == []


async def test_an_upload_address_takes_the_announced_bytes_once(wire: Wire) -> None:
    made = await wire.call("files.getUploadURLExternal", filename="a.txt", length=3)
    told = []
    for content in (b"ab", b"abcd", b"abc", b"abc"):
        async with wire.session.post(made["upload_url"], data=content) as answer:
            told.append(answer.status)
    assert told == [400, 400, 200, 404]


async def test_a_file_of_which_a_part_is_missing_shares_nothing(wire: Wire) -> None:
    whole = await uploaded(wire, "a.txt", b"a")
    announced = (await wire.call("files.getUploadURLExternal", filename="b.txt", length=1))["file_id"]
    files = [{"id": whole}, {"id": announced}]
    assert await wire.error("files.completeUploadExternal", files=files, channel_id=ALERTS) == "file_not_found"
    assert await wire.aiko.messages(ALERTS_NAME) == []


async def test_a_file_opens_for_those_who_may_read_files(wire: Wire) -> None:
    file_id = await uploaded(wire, "a.txt", b"secret")
    answer = await wire.call("files.completeUploadExternal", files=[{"id": file_id}], channel_id=ALERTS)
    url = answer["files"][0]["url_private_download"]
    token = wire.credentials["bot_token"]
    for headers, status in (
        ({}, 403),
        ({"Authorization": "Bearer xoxb-made-up"}, 403),
        ({"Authorization": f"Bearer {token}"}, 200),
    ):
        async with wire.session.get(url, headers=headers) as got:
            assert got.status == status
