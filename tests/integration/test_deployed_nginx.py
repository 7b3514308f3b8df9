"""deploy/nginx in a real nginx: what is public, and what happens to a request whose replica dies."""

import asyncio
import io
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.servers import free_port
from tests.tls import write_certificate

PROJECT = Path(__file__).parents[2]
CONFIGURATION = PROJECT / "deploy" / "nginx" / "takumi-bot.conf"
PATIENCE_SECONDS = 10
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@dataclass
class Replicas:
    """Three stand-ins for replicas; each writes down what reached it."""

    ports: list[int] = field(default_factory=list)
    bodies: list[tuple[int, str, bytes]] = field(default_factory=list)
    runners: dict[int, web.AppRunner] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)

    async def add(self) -> None:
        async def take(request: web.Request) -> web.StreamResponse:
            self.bodies.append((port, request.path, await request.read()))
            return web.Response(status=self.answers.get(port, 200), text="ok")

        app = web.Application(client_max_size=1 << 25)
        app.router.add_route("*", "/{path:.*}", take)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        self.ports.append(port)
        self.runners[port] = runner


@dataclass
class Front:
    """nginx at work before the replicas."""

    url: str
    replicas: Replicas
    session: aiohttp.ClientSession

    async def post(self, path: str, body: bytes = b"payload=x") -> int:
        async with self.session.post(self.url + path, data=io.BytesIO(body)) as answer:
            return answer.status


def rendered(folder: Path, port: int, replicas: Replicas) -> Path:
    """The deployed file with this machine's ports and certificate, inside the least that nginx needs."""
    certificate, key = write_certificate(folder)
    text = CONFIGURATION.read_text(encoding="utf-8")
    for number, replica in enumerate(replicas.ports, 1):
        text = text.replace(f"bot-{number}:8080", f"127.0.0.1:{replica}")
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    text = text.replace("/etc/nginx/tls/fullchain.pem", str(certificate)).replace(
        "/etc/nginx/tls/privkey.pem", str(key)
    )
    temporary = "\n".join(
        f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Workers need the folder; nginx warns of a user that it cannot become.
    user = "user root;\n" if os.geteuid() == 0 else ""
    whole = (
        f"daemon off;\npid {folder / 'nginx.pid'};\nerror_log {folder / 'error.log'} warn;\n{user}"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}\n{text}\n}}\n"
    )
    path = folder / "nginx.conf"
    path.write_text(whole, encoding="utf-8")
    return path


@asynccontextmanager
async def serving_nginx(configuration: Path, port: int) -> AsyncIterator[None]:
    assert NGINX is not None
    process = await asyncio.create_subprocess_exec(
        NGINX, "-c", str(configuration), "-e", str(configuration.with_name("start.log")),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
        yield
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    replicas, port = Replicas(), free_port()
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await replicas.add()
        for runner in replicas.runners.values():
            stack.push_async_callback(runner.cleanup)
        configuration = rendered(tmp_path, port, replicas)
        await stack.enter_async_context(serving_nginx(configuration, port))
        trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        connector = aiohttp.TCPConnector(ssl=trusted)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield Front(f"https://localhost:{port}", replicas, session)


def test_nginx_takes_the_file(tmp_path: Path) -> None:
    replicas = Replicas(ports=[1, 2, 3])
    configuration = rendered(tmp_path, free_port(), replicas)
    assert NGINX is not None
    checked = subprocess.run([NGINX, "-t", "-c", str(configuration)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert not re.search(r"\[(warn|emerg)\]", checked.stderr), checked.stderr


async def test_the_body_arrives_as_it_was_signed(front: Front) -> None:
    body = b"payload=%7B%22a%22%3A%20%22%C3%A9%22%7D&x=+%20"
    assert await front.post("/slack/events", body) == 200
    assert [(path, found) for _, path, found in front.replicas.bodies] == [("/slack/events", body)]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/", "/slack/other", "/alertmanager/x"])
async def test_nothing_else_is_public(front: Front, path: str) -> None:
    async with front.session.get(front.url + path) as answer:
        assert answer.status == 404
    assert front.replicas.bodies == []


@pytest.mark.parametrize("path", ["/alertmanager", "/services/T0/B0/secret"])
async def test_alerts_have_a_way_in_and_a_storm_fits(front: Front, path: str) -> None:
    assert await front.post(path, b"x" * (10 << 20)) == 200


async def test_a_dead_replica_costs_no_delivery(front: Front) -> None:
    await front.replicas.runners[front.replicas.ports[0]].cleanup()
    assert [await front.post("/slack/events") for _ in range(20)] == [200] * 20


async def test_what_one_replica_could_not_keep_is_given_to_another(front: Front) -> None:
    front.replicas.answers = {front.replicas.ports[0]: 503}
    assert [await front.post("/slack/events") for _ in range(6)] == [200] * 6
