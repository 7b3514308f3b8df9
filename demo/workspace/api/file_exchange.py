"""Where a file's bytes go in and come out: the second part of an upload, and downloads."""

from urllib.parse import quote

from aiohttp import web

from demo.workspace.control.gate import has_token
from demo.workspace.state.world import World


class FileExchange:
    """Upload addresses need no token, as at Slack: knowing them is the permission."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/upload/v1/{id}", self.receive),
            web.get("/files-pri/{id}/{name}", self.give),
        ]

    async def receive(self, request: web.Request) -> web.Response:
        """The bytes, raw or as a form's file; once, and as many as were announced."""
        stored = self._world.state.files.get(request.match_info["id"])
        if stored is None or stored.is_uploaded:
            return web.Response(status=404, text="this address is unknown or used")
        content = await _bytes(request)
        if len(content) != stored.size_bytes:
            return web.Response(status=400, text=f"{stored.size_bytes} bytes were announced, {len(content)} came")
        self._world.file_bytes.write(stored.id, content)
        stored.is_uploaded = True
        self._world.changed(state=True)
        return web.Response(text=f"OK - {len(content)}")

    async def give(self, request: web.Request) -> web.Response:
        """For an app with `files:read`, or for the page with the workspace's own token."""
        stored = self._world.state.files.get(request.match_info["id"])
        if not self._may_read(request):
            return web.Response(status=403, text="a token with files:read is needed")
        if stored is None or not stored.is_complete:
            return web.Response(status=404, text="there is no such file")
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{_quoted(stored.name)}",
            "X-Content-Type-Options": "nosniff",
        }
        body = self._world.file_bytes.read(stored.id)
        return web.Response(body=body, content_type="application/octet-stream", headers=headers)

    def _may_read(self, request: web.Request) -> bool:
        if has_token(request, request.query.get("token", "")):
            return True
        app = self._world.app_with_token(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return app is not None and "files:read" in app.scopes


async def _bytes(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""


def _quoted(name: str) -> str:
    return quote(name, safe="")
