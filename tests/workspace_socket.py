"""A hand-made Socket Mode app: answers each payload as a test tells it to, and keeps what came."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.workspace_apps import Wire

Json = dict[str, Any]
Answer = Callable[[Json], Json | None]


class SocketApp:
    """`received` holds envelopes; `answer` makes the acknowledgement's payload."""

    def __init__(self) -> None:
        self.received: list[Json] = []
        self.answer: Answer = lambda _: None
        self._news = asyncio.Event()

    def payloads(self, kind: str) -> list[Json]:
        return [e["payload"] for e in self.received if e["payload"].get("type", e["type"]) == kind]

    def events(self, kind: str) -> list[Json]:
        return [p["event"] for p in self.payloads("event_callback") if p["event"]["type"] == kind]

    async def until(self, ready: Callable[[], Any]) -> Any:
        """The first truthy value of `ready`, within five seconds."""
        async with asyncio.timeout(5):
            while not (found := ready()):
                self._news.clear()
                await self._news.wait()
        return found

    def take(self, envelope: Json) -> Json:
        self.received.append(envelope)
        self._news.set()
        payload = self.answer(envelope["payload"])
        return {"envelope_id": envelope["envelope_id"], **({} if payload is None else {"payload": payload})}


@asynccontextmanager
async def socket_app(wire: Wire) -> AsyncIterator[SocketApp]:
    """Connected for the length of the block."""
    url = (await wire.call("apps.connections.open", wire.credentials["app_token"]))["url"]
    app = SocketApp()
    async with wire.session.ws_connect(url) as socket:
        assert (await socket.receive_json())["type"] == "hello"

        async def serve() -> None:
            async for message in socket:
                envelope = message.json()
                if "envelope_id" in envelope:
                    await socket.send_json(app.take(envelope))

        server = asyncio.create_task(serve())
        try:
            yield app
        finally:
            server.cancel()
            await asyncio.gather(server, return_exceptions=True)
