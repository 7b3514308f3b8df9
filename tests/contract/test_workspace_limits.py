"""Rate limits and faults: 429 when it is due, and whatever else a test asks for."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from demo.workspace.client import Workspace, WorkspaceRefusedError
from demo.workspace.server import running_workspace
from demo.workspace.state import snapshot
from tests.workspace_apps import Wire, installed, manifest, until

ALERTS = "C0ALERTS01"


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


async def status(wire: Wire, method: str, **arguments: str) -> tuple[int, str | None]:
    """HTTP status and Retry-After."""
    headers = {"Authorization": f"Bearer {wire.credentials['bot_token']}"}
    async with wire.session.post(f"{wire.running.api_url}{method}", data=arguments, headers=headers) as answer:
        return answer.status, answer.headers.get("Retry-After")


async def test_a_channel_takes_a_burst_then_one_message_a_second(wire: Wire) -> None:
    for _ in range(5):
        await wire.post()
    assert await status(wire, "chat.postMessage", channel=ALERTS, text="x") == (429, "1")
    assert await wire.error("chat.postMessage", channel=ALERTS, text="x") == "ratelimited"
    await wire.people.advance_clock(timedelta(seconds=1))
    assert (await status(wire, "chat.postMessage", channel=ALERTS, text="x"))[0] == 200


async def test_channels_are_limited_each_for_itself(wire: Wire) -> None:
    for _ in range(5):
        await wire.post()
    await wire.call("conversations.join", channel="C0RANDOM01")
    assert (await status(wire, "chat.postMessage", channel="C0RANDOM01", text="x"))[0] == 200


async def test_a_tier_two_method_takes_twenty_calls_a_minute(wire: Wire) -> None:
    codes = [(await status(wire, "users.list"))[0] for _ in range(21)]
    assert codes == [200] * 20 + [429]


async def test_limits_can_be_lifted(wire: Wire) -> None:
    await wire.people.fault("rate_limits", enabled=False)
    codes = {(await status(wire, "users.list"))[0] for _ in range(30)}
    assert codes == {200}


async def test_a_planned_429_hits_its_method_as_often_as_asked(wire: Wire) -> None:
    await wire.people.fault("ratelimited", method="chat.postMessage", times=2, seconds=7)
    assert (await status(wire, "auth.test"))[0] == 200
    for expected in ((429, "7"), (429, "7"), (200, None)):
        assert await status(wire, "chat.postMessage", channel=ALERTS, text="x") == expected


async def test_a_planned_5xx_is_one(wire: Wire) -> None:
    await wire.people.fault("http_error", method="auth.test", status=503)
    assert [(await status(wire, "auth.test"))[0] for _ in range(2)] == [503, 200]


@pytest.mark.parametrize(("kind", "posted"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_connection_drops_before_or_after_the_work(wire: Wire, kind: str, posted: int) -> None:
    await wire.people.fault(kind, method="chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await status(wire, "chat.postMessage", channel=ALERTS, text="x")
    assert len(await wire.aiko.messages("#takumi-alerts")) == posted


async def test_an_unknown_fault_is_refused(wire: Wire) -> None:
    with pytest.raises(WorkspaceRefusedError, match="unknown_fault"):
        await wire.people.fault("earthquake")
    with pytest.raises(WorkspaceRefusedError, match="unknown_target"):
        await wire.people.fault("ratelimited", method="chat.postMesage")


async def test_time_does_not_run_backwards(wire: Wire) -> None:
    with pytest.raises(WorkspaceRefusedError, match="invalid_time"):
        await wire.people.advance_clock(timedelta(seconds=-1))


@pytest.mark.parametrize("speed", ["slow", 0, 0.5, -1, float("inf")])
async def test_the_clock_runs_no_slower_than_the_wall_clock(wire: Wire, speed: object) -> None:
    with pytest.raises(WorkspaceRefusedError, match="invalid_time"):
        await wire.people.post("clock", speed=str(speed))


async def test_time_may_pass_faster_and_as_it_does_outside_again(wire: Wire) -> None:
    clock = wire.running.stand_in.world.clock
    await wire.call("chat.scheduleMessage", channel=ALERTS, text="later", post_at=str(int(clock.now()) + 3600))
    await wire.people.run_clock(36_000)
    await wire.aiko.wait_for(lambda m: m["text"] == "later", "#takumi-alerts")
    await wire.people.run_clock(1)
    state = await wire.people.state()
    assert (state["clock_speed"], state["clock_offset_seconds"] >= 3500) == (1, True)
    assert clock.offset == clock.offset


async def test_a_scheduled_message_comes_in_its_time(wire: Wire) -> None:
    post_at = str(int(wire.running.stand_in.world.clock.now()) + 600)
    await wire.call("chat.scheduleMessage", channel=ALERTS, text="later", post_at=post_at)
    await wire.people.advance_clock(timedelta(seconds=598))
    assert await wire.aiko.messages("#takumi-alerts") == []
    await wire.people.advance_clock(timedelta(seconds=3))
    await wire.aiko.wait_for(lambda m: m["text"] == "later", "#takumi-alerts")


async def test_a_restart_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async with running_workspace(tmp_path) as first, Workspace(first.url, first.token) as people:
        credentials = await people.install(manifest())
        await people.person("Aiko").say("remember me", "#takumi-alerts")
    async with running_workspace(tmp_path) as second, Workspace(second.url, second.token) as people:
        assert second.token == first.token
        assert [m["text"] for m in await people.person("Aiko").messages("#takumi-alerts")] == ["remember me"]
        assert await people.install(manifest()) == credentials


async def test_a_broken_snapshot_stops_the_start_and_stays_as_it_is(tmp_path: Path) -> None:
    snapshot = tmp_path / "workspace.json"
    snapshot.write_text('{"people": ')
    with pytest.raises(ValueError, match=r"workspace\.json"):
        async with running_workspace(tmp_path):
            pass
    assert snapshot.read_text() == '{"people": '


async def test_a_disk_that_refuses_once_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = [OSError(28, "No space left on device")]
    really = snapshot.write

    def write(text: str, folder: Path) -> None:
        if refusals:
            raise refusals.pop()
        really(text, folder)

    monkeypatch.setattr(snapshot, "write", write)
    async with running_workspace(tmp_path) as running, Workspace(running.url, running.token) as people:
        await people.person("Aiko").say("one", "#takumi-alerts")
        await until(lambda: not refusals)
        await people.person("Aiko").say("two", "#takumi-alerts")
        await until((tmp_path / "workspace.json").exists)
        assert "two" in (tmp_path / "workspace.json").read_text()


async def test_a_taken_port_stops_the_start() -> None:
    async with running_workspace() as first:
        port = int(first.url.rstrip("/").rsplit(":", 1)[1])
        with pytest.raises(OSError, match="in use"):
            async with running_workspace(port=port):
                pass


MANIFESTS = {
    "unknown scope": (manifest(scopes=["chat:write", "commands", "chat:shout"], events=[]), "chat:shout"),
    "unknown event": (manifest(events=["app_mentioned"]), "app_mentioned"),
    "event without its scope": (manifest(scopes=["commands"], events=["app_mention"]), "app_mentions:read"),
    "command without its scope": (manifest(scopes=["chat:write"], events=[]), "`commands`"),
    "command without a slash": (manifest(command="takumi"), "a slash"),
    "command of 33 characters": (manifest(command="/" + "t" * 32), "31 characters"),
    "no name": (manifest("n" * 36), "display_information.name"),
    "unknown section": (manifest() | {"sparkles": {}}, "sparkles"),
}


@pytest.mark.parametrize(("broken", "says"), MANIFESTS.values(), ids=MANIFESTS.keys())
async def test_a_wrong_manifest_is_not_installed(broken: dict[str, object], says: str) -> None:
    async with running_workspace() as running, Workspace(running.url, running.token) as people:
        with pytest.raises(WorkspaceRefusedError, match=says):
            await people.install(broken)
        assert running.stand_in.world.state.apps == {}
