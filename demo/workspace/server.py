"""The workspace as an HTTP server on a loopback port."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from demo.workspace.api.file_exchange import FileExchange
from demo.workspace.control import gate
from demo.workspace.control.acting import Acting
from demo.workspace.control.composer import Composer
from demo.workspace.control.faulting import Faulting
from demo.workspace.control.installing import Installing
from demo.workspace.control.looking import Looking
from demo.workspace.control.page import Page
from demo.workspace.control.uploading import Uploading
from demo.workspace.stand_in import StandIn

HOST = "127.0.0.1"
BODY_LIMIT_BYTES = 64 * 1024 * 1024
SHUTDOWN_SECONDS = 2


@dataclass(frozen=True)
class Running:
    """A workspace that answers; `stand_in` is there for tests that look behind the wire."""

    url: str
    token: str
    stand_in: StandIn

    @property
    def api_url(self) -> str:
        """What a bot takes as the base of Slack's Web API."""
        return f"{self.url}api/"


@asynccontextmanager
async def running_workspace(folder: Path | None = None, port: int = 0) -> AsyncIterator[Running]:
    """Serve a workspace for the length of the block; without a folder it forgets everything at the end.

    Raises: OSError when the port is taken; ValueError when the folder holds no workspace.
    """
    stand_in = StandIn(folder)
    token = _token(folder)
    runner = web.AppRunner(application(stand_in, token), shutdown_timeout=SHUTDOWN_SECONDS, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        stand_in.world.base_url = f"http://{HOST}:{runner.addresses[0][1]}/"
        await stand_in.start()
        yield Running(stand_in.world.base_url, token, stand_in)
    finally:
        await stand_in.stop()
        await runner.cleanup()


def application(stand_in: StandIn, token: str) -> web.Application:
    """Every route of the workspace; `token` opens the people's side."""
    app = web.Application(middlewares=[gate.loopback_only, gate.people_side], client_max_size=BODY_LIMIT_BYTES)
    app[gate.TOKEN] = token
    app.router.add_route("*", "/api/{method}", stand_in.dispatcher.handle)
    app.router.add_get("/link", stand_in.sockets.handle)
    app.router.add_post("/response/{id}", stand_in.responses.handle)
    people_parts = (part(stand_in) for part in (Looking, Composer, Acting, Uploading, Faulting, Installing))
    for part in (*people_parts, FileExchange(stand_in.world), Page()):
        app.router.add_routes(part.routes())
    return app


def _token(folder: Path | None) -> str:
    """The people's token, kept beside the snapshot so that an open page survives a restart."""
    if folder is None:
        return secrets.token_urlsafe(24)
    path = folder / "workspace-token"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24), encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()
