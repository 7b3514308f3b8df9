"""A small client that acts as people of the workspace; every end-to-end test speaks through it.

```python
async with Workspace(running.url, running.token) as workspace:
    aiko = workspace.person("Aiko")
    await aiko.command("/takumi backup now", channel="#takumi-alerts")
    done = await aiko.wait_for(lambda m: "sha256" in visible_text(m), "#takumi-alerts")
```
"""

from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import aiohttp

from demo.workspace import Json
from demo.workspace.reading import find_element, visible_text, wire_value
from demo.workspace.watching import DEFAULT_TIMEOUT, Watch

__all__ = ["Person", "Workspace", "WorkspaceRefusedError", "visible_text"]


class WorkspaceRefusedError(Exception):
    """The workspace said no: `code` for programs, the message for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


class Workspace:
    """A connection to the people's side of a running workspace."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url.rstrip("/") + "/", token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers={"X-Workspace-Token": self.token})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """Raises: RuntimeError outside of `async with`."""
        if self._session is None:
            raise RuntimeError("use the client within `async with Workspace(...)`")
        return self._session

    def person(self, who: str) -> "Person":
        """By id, handle, or the beginning of the real name."""
        return Person(self, who)

    async def install(self, manifest: Json, channels: list[str] | None = None) -> Json:
        """Install an app; answers its credentials. `channels` are those its bot joins, `#takumi-alerts` if left out."""
        return await self.post("install", manifest=manifest, **({} if channels is None else {"channels": channels}))

    async def state(self, user: str | None = None) -> Json:
        return await self.get("state", **({"as": user} if user else {}))

    async def fault(self, kind: str, **details: object) -> None:
        """Plan a fault; `demo/workspace/control/faulting.py` lists the kinds."""
        await self.post("fault", kind=kind, **details)

    async def advance_clock(self, by: timedelta) -> None:
        await self.post("clock", advance_seconds=by.total_seconds())

    async def run_clock(self, speed: float) -> None:
        """Let the workspace's time pass faster; 1 is the wall clock's own speed."""
        await self.post("clock", speed=speed)

    async def coverage(self) -> Json:
        return await self.get("coverage")

    async def post(self, path: str, **body: object) -> Json:
        async with self.session.post(f"{self.url}_workspace/{path}", json=body) as answer:
            return _accepted(await answer.json())

    async def get(self, path: str, **query: str) -> Json:
        async with self.session.get(f"{self.url}_workspace/{path}", params=query) as answer:
            return _accepted(await answer.json())


class Person:
    """Somebody at the page: types, clicks, fills in modals, and sees only what they may see."""

    def __init__(self, workspace: Workspace, who: str) -> None:
        self.workspace, self._who = workspace, who
        self._id: str | None = None

    async def id(self) -> str:
        """Raises: LookupError when nobody is called so."""
        if self._id is None:
            people = (await self.workspace.state())["people"]
            wanted = self._who.lower()
            found = next((p for p in people if self._who == p["id"] or wanted == p["name"].lower()), None)
            found = found or next((p for p in people if p["real_name"].lower().startswith(wanted)), None)
            if found is None:
                raise LookupError(f"nobody here is called {self._who!r}")
            self._id = str(found["id"])
        return self._id

    async def command(self, text: str, channel: str) -> Json:
        """Type a slash command; answers the acknowledgement `{"ok", "error"?, "text"?}` as the person sees it."""
        return dict((await self._act("type", channel=channel, text=text))["ack"])

    async def say(self, text: str, channel: str, thread: str | None = None) -> str:
        """Say something; answers the message's `ts`. `thread` is the parent's `ts`."""
        extra = {"thread_ts": thread} if thread else {}
        return str((await self._act("type", channel=channel, text=text, **extra))["ts"])

    async def messages(self, channel: str, thread: str | None = None) -> list[Json]:
        """What they see in a channel or thread, oldest first, their own ephemerals included."""
        query = {"as": await self.id(), "channel": channel}
        extra = {"thread_ts": thread} if thread else {}
        return list((await self.workspace.get("messages", **query, **extra))["messages"])

    async def ephemerals(self, channel: str, thread: str | None = None) -> list[Json]:
        return [m for m in await self.messages(channel, thread) if m.get("is_ephemeral")]

    async def wait_for(
        self,
        predicate: Callable[[Json], bool],
        channel: str,
        thread: str | None = None,
        timeout: timedelta = DEFAULT_TIMEOUT,  # noqa: ASYNC109 # what a caller writes; the watch below keeps it
    ) -> Json:
        """The first message the predicate accepts, now or later.

        Raises: TimeoutError showing what was seen instead.
        """

        async def look() -> Json | None:
            return next((m for m in await self.messages(channel, thread) if predicate(m)), None)

        async def seen() -> str:
            return "\n---\n".join(visible_text(m) for m in await self.messages(channel, thread))

        return await (await self._watch()).until(look, seen, timeout)

    async def click(self, message: Json, what: str, channel: str) -> Json:
        """Press a button, named by its action_id or its text; answers the acknowledgement."""
        block, element = find_element(message, what)
        return await self._click(message, block, element, channel, {})

    async def select(self, message: Json, what: str, chosen: Any, channel: str) -> Json:
        """Choose in a menu of a message, by option value or text (a list for multi-selects; an id for users)."""
        block, element = find_element(message, what)
        return await self._click(message, block, element, channel, wire_value(element, chosen))

    async def options(self, view: Json, what: str, typed: str) -> list[Json]:
        """What an external select of a view suggests for a typed text."""
        block, element = find_element(view, what)
        at = {"action_id": element["action_id"], "block_id": block["block_id"]}
        return list((await self._act("options", view_id=view["id"], value=typed, **at)).get("options", []))

    async def upload(self, name: str, content: bytes) -> Json:
        """A file for a `file_input`; answers it as apps see it."""
        query, url = {"as": await self.id(), "name": name}, f"{self.workspace.url}_workspace/upload"
        async with self.workspace.session.post(url, params=query, data=content) as answer:
            return dict(_accepted(await answer.json())["file"])

    async def views(self) -> list[Json]:
        """The open modals, the top one last."""
        return list((await self.workspace.get("views", **{"as": await self.id()}))["stack"])

    async def wait_for_view(
        self,
        predicate: Callable[[Json], bool] = lambda _: True,
        timeout: timedelta = DEFAULT_TIMEOUT,  # noqa: ASYNC109 # as in wait_for
    ) -> Json:
        """The top modal, once there is one that the predicate accepts."""

        async def look() -> Json | None:
            stack = await self.views()
            return stack[-1] if stack and predicate(stack[-1]) else None

        async def seen() -> str:
            return "\n---\n".join(visible_text(v) for v in await self.views())

        return await (await self._watch()).until(look, seen, timeout)

    async def act(self, view: Json, what: str, chosen: Any = None) -> Json:
        """Press or choose something in a view."""
        block, element = find_element(view, what)
        value = {} if chosen is None else wire_value(element, chosen)
        at = {"view_id": view["id"], "action_id": element["action_id"], "block_id": block["block_id"]}
        return await self._act("view/action", **at, **value)

    async def submit(self, view: Json, values: dict[str, Any] | None = None) -> Json:
        """Send a modal; `values` maps a block_id (or action_id) to text, an option, a list of options, an id.

        Answers `{"ok", "response_action"?, "errors"?}`.
        """
        filled: dict[str, dict[str, Json]] = {}
        for what, chosen in (values or {}).items():
            block, element = find_element(view, what)
            stated = {"type": element["type"], **wire_value(element, chosen)}
            filled.setdefault(block["block_id"], {})[element["action_id"]] = stated
        return await self._act("view/submit", view_id=view["id"], values=filled)

    async def close(self, view: Json, *, all_views: bool = False) -> None:
        await self._act("view/close", view_id=view["id"], all=all_views)

    async def shortcut(self, callback_id: str, channel: str | None = None, message: Json | None = None) -> Json:
        """A global shortcut, or one on a message."""
        at: Json = {"channel": channel} if channel else {}
        return await self._act("shortcut", callback_id=callback_id, **at, **({"ts": message["ts"]} if message else {}))

    async def open_home(self, app_id: str | None = None) -> Json:
        """Open the app's Home tab; answers `{"view"?}` as it stands now."""
        return await self._act("home", **({"app_id": app_id} if app_id else {}))

    async def home(self) -> Json | None:
        home: Json | None = (await self.workspace.get("views", **{"as": await self.id()}))["home"]
        return home

    async def _click(self, message: Json, block: Json, element: Json, channel: str, value: Json) -> Json:
        at = {"ts": message["ts"], "action_id": element["action_id"], "block_id": block["block_id"]}
        return dict((await self._act("click", channel=channel, **at, **value))["ack"])

    async def _act(self, path: str, **body: Any) -> Json:
        return await self.workspace.post(path, **{"as": await self.id()}, **body)

    async def _watch(self) -> Watch:
        return Watch(self.workspace.session, self.workspace.url, self.workspace.token, await self.id())


def _accepted(answer: Any) -> Json:
    if isinstance(answer, dict) and answer.get("ok") is False and "detail" in answer:
        raise WorkspaceRefusedError(str(answer["error"]), str(answer["detail"]))
    return dict(answer)
