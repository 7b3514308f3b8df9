"""Files that people bring along, for the file inputs of modals."""

from pathlib import PurePath
from typing import TYPE_CHECKING

from aiohttp import web

from demo.workspace import identifiers
from demo.workspace.control import asked
from demo.workspace.control.gate import ControlError
from demo.workspace.state.files import StoredFile

if TYPE_CHECKING:
    from demo.workspace.stand_in import StandIn

SIZE_LIMIT_BYTES = 50_000_000


class Uploading:
    """`POST /_workspace/upload?as=U..&name=..` with the bytes as the body; answers the file as apps see it."""

    def __init__(self, stand_in: "StandIn") -> None:
        self._world = stand_in.world

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/_workspace/upload", self.upload)]

    async def upload(self, request: web.Request) -> web.Response:
        me = asked.acting(self._world, dict(request.query))
        name = PurePath(str(asked.needed(dict(request.query), "name"))).name
        content = await request.read()
        if not content or len(content) > SIZE_LIMIT_BYTES:
            raise ControlError(400, "invalid_size", f"a file has 1 to {SIZE_LIMIT_BYTES:,} bytes")
        stored = StoredFile(
            id=identifiers.identifier("F"),
            name=name,
            title=name,
            size_bytes=len(content),
            user=me.id,
            app_id="",
            created_seconds=int(self._world.clock.now()),
            is_uploaded=True,
            is_complete=True,
        )
        self._world.file_bytes.write(stored.id, content)
        self._world.state.files[stored.id] = stored
        self._world.changed(state=True)
        return web.json_response({"ok": True, "file": stored.slack_shape(self._world.base_url)})
