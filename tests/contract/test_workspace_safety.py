"""Nobody but this machine's own people reaches the workspace, and no page of another site speaks for them."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from demo.workspace.client import Workspace
from demo.workspace.server import running_workspace
from tests.workspace_apps import Wire, installed, manifest

AIKO, ALERTS_ID = "U0DEV00001", "C0ALERTS01"
LISTENING = "0A"
LOOPBACK_HEX = "0100007F"
TABLES = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with installed() as fresh:
        yield fresh


def listening(port: int) -> set[str]:
    """The addresses, in the kernel's hexadecimal, on which somebody listens at this port."""
    lines = [line.split() for table in TABLES if table.exists() for line in table.read_text().splitlines()[1:]]
    local = [fields[1].split(":") for fields in lines if fields[3] == LISTENING]
    return {address for address, at in local if int(at, 16) == port}


@pytest.mark.skipif(not TABLES[0].exists(), reason="NOT TESTED: needs /proc/net/tcp (Linux)")
async def test_it_listens_on_the_loopback_address_alone(wire: Wire) -> None:
    assert listening(int(urlsplit(wire.running.url).port or 0)) == {LOOPBACK_HEX}


FOREIGN = {
    "another site": "https://evil.example",
    "no site at all": "null",
    "another port of this machine": "http://127.0.0.1:1",
    "a name that begins like ours": "http://127.0.0.1.evil.example",
}


@pytest.mark.parametrize("origin", FOREIGN.values(), ids=FOREIGN.keys())
async def test_another_sites_page_cannot_write_even_with_the_token(wire: Wire, origin: str) -> None:
    headers = {"X-Workspace-Token": wire.running.token, "Origin": origin}
    body = {"as": AIKO, "channel": ALERTS_ID, "text": "x"}
    async with wire.session.post(f"{wire.running.url}_workspace/type", json=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]) == (403, "foreign_origin")
    assert await wire.aiko.messages("#takumi-alerts") == []


@pytest.mark.parametrize("origin", FOREIGN.values(), ids=FOREIGN.keys())
async def test_another_sites_page_opens_no_socket(wire: Wire, origin: str) -> None:
    ticket = (await wire.call("apps.connections.open", wire.credentials["app_token"]))["url"]
    for url in (f"{wire.running.url}_workspace/feed?token={wire.running.token}&as={AIKO}", ticket):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await wire.session.ws_connect(url, headers={"Origin": origin})
        assert refused.value.status == 403


async def test_its_own_page_may_do_both(wire: Wire) -> None:
    headers = {"X-Workspace-Token": wire.running.token, "Origin": wire.running.url.rstrip("/")}
    body = {"as": AIKO, "channel": ALERTS_ID, "text": "x"}
    async with wire.session.post(f"{wire.running.url}_workspace/type", json=body, headers=headers) as answer:
        assert answer.status == 200
    feed = f"{wire.running.url}_workspace/feed?token={wire.running.token}&as={AIKO}"
    async with wire.session.ws_connect(feed, headers={"Origin": headers["Origin"]}) as socket:
        assert not socket.closed


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "192.0.2.7:80", "[::]:80", ""]
)
async def test_another_name_for_this_machine_is_refused(wire: Wire, host: str) -> None:
    """A name of somebody else that resolves to loopback: what a browser would send after rebinding it."""
    for path in ("", "_workspace/state", "api/api.test", "files-pri/F0/a"):
        async with wire.session.get(f"{wire.running.url}{path}", headers={"Host": host}) as answer:
            assert answer.status in {400, 403}


@pytest.mark.parametrize("token", ["", "wrong", "x" * 32, "\u00e9"])
@pytest.mark.parametrize("path", ["type", "click", "view/submit", "fault", "clock", "install", "upload?name=a"])
async def test_every_write_needs_the_minted_token(wire: Wire, path: str, token: str) -> None:
    headers = {"X-Workspace-Token": token} if token else {}
    async with wire.session.post(f"{wire.running.url}_workspace/{path}", json={}, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]) == (403, "bad_token")


async def test_the_feed_needs_the_token_whatever_the_origin(wire: Wire) -> None:
    for token in ("", "wrong", wire.credentials["bot_token"]):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await wire.session.ws_connect(f"{wire.running.url}_workspace/feed?token={token}&as={AIKO}")
        assert refused.value.status == 403


async def test_what_nobody_minted_opens_nothing(wire: Wire) -> None:
    for method, path in (("POST", "response/guess"), ("POST", "upload/v1/F0GUESS001"), ("GET", "link?ticket=guess")):
        async with wire.session.request(method, f"{wire.running.url}{path}", data=b"{}") as answer:
            assert answer.status in {401, 404}


async def test_two_apps_share_no_secret(wire: Wire) -> None:
    other = await wire.people.install(manifest("Staging", command="/takumi-staging"))
    secrets = ("bot_token", "app_token", "signing_secret")
    assert not {wire.credentials[name] for name in secrets} & {other[name] for name in secrets}


async def test_the_page_may_not_be_framed_or_kept_and_runs_its_own_scripts_alone(wire: Wire) -> None:
    async with wire.session.get(wire.running.url) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert ("frame-ancestors 'none'" in policy, "default-src 'self'" in policy) == (True, True)
        assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


async def test_the_kept_token_is_for_its_owner_alone(tmp_path: Path) -> None:
    async with running_workspace(tmp_path) as running, Workspace(running.url, running.token):
        kept = tmp_path / "workspace-token"
        assert kept.read_text() == running.token
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
