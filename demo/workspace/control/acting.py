"""What a person does to what apps made: click, choose, submit, close, shortcuts, Home."""

from typing import TYPE_CHECKING

from aiohttp import web

from demo.workspace import Json
from demo.workspace.control import asked
from demo.workspace.control.gate import ControlError
from demo.workspace.deliver.actions import NotThereError
from demo.workspace.deliver.choosing import NotOfferedError
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.channels import Channel
from demo.workspace.state.messages import find_visible
from demo.workspace.state.people import Person
from demo.workspace.state.views import ViewRecord

if TYPE_CHECKING:
    from demo.workspace.stand_in import StandIn


class Acting:
    """A person can only touch what they see, and only what is there."""

    def __init__(self, stand_in: "StandIn") -> None:
        self._stand_in, self._world = stand_in, stand_in.world

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/_workspace/click", _plainly(self.click)),
            web.post("/_workspace/view/action", _plainly(self.view_action)),
            web.post("/_workspace/view/submit", _plainly(self.submit)),
            web.post("/_workspace/view/close", _plainly(self.close)),
            web.post("/_workspace/options", _plainly(self.options)),
            web.post("/_workspace/shortcut", _plainly(self.shortcut)),
            web.post("/_workspace/home", _plainly(self.home)),
        ]

    async def click(self, ask: Json) -> Json:
        me = asked.acting(self._world, ask)
        channel, message = self._message(ask, me)
        asked.needed(ask, "action_id")
        ack = await self._stand_in.interactions.click(me, channel, message, ask)
        return {"ok": True, "ack": ack.as_json()}

    async def view_action(self, ask: Json) -> Json:
        me = asked.acting(self._world, ask)
        asked.needed(ask, "action_id")
        ack = await self._stand_in.interactions.act_in_view(me, self._view(ask, me), ask)
        return {"ok": True, "ack": ack.as_json()}

    async def submit(self, ask: Json) -> Json:
        me = asked.acting(self._world, ask)
        record = self._top(ask, me)
        if not record.content.get("submit"):
            raise ControlError(400, "not_submittable", "this modal has no submit button")
        return await self._stand_in.submissions.submit(me, record, ask.get("values") or {})

    async def close(self, ask: Json) -> Json:
        me = asked.acting(self._world, ask)
        await self._stand_in.submissions.close(me, self._top(ask, me), whole_stack=bool(ask.get("all")))
        return {"ok": True}

    async def options(self, ask: Json) -> Json:
        me = asked.acting(self._world, ask)
        asked.needed(ask, "action_id")
        asked.needed(ask, "block_id")
        interactions = self._stand_in.interactions
        if ask.get("view_id"):
            record = self._view(ask, me)
            surface, app = interactions.view_surface(record), self._world.state.apps[record.app_id]
        else:
            channel, message = self._message(ask, me)
            surface, app = interactions.message_surface(channel, message), interactions.author(message)
        return {"ok": True, **await interactions.suggest(me, surface, app, ask)}

    async def shortcut(self, ask: Json) -> Json:
        me = asked.acting(self._world, ask)
        wanted = asked.needed(ask, "callback_id")
        where = self._message(ask, me) if ask.get("ts") else None
        kind = "message" if where else "global"
        for app in self._world.state.apps.values():
            for shortcut in app.shortcuts:
                if (shortcut["callback_id"], shortcut["type"]) == (wanted, kind):
                    ack = await self._stand_in.interactions.shortcut(me, shortcut, app, where)
                    return {"ok": True, "ack": ack.as_json()}
        raise ControlError(404, "unknown_shortcut", f"no app declares a {kind} shortcut {wanted!r}")

    async def home(self, ask: Json) -> Json:
        """Opening it tells the app; the answer is the view as it stands now."""
        me = asked.acting(self._world, ask)
        app = self._app_with_home(ask.get("app_id"))
        channel = self._world.direct_message(me.id, app.bot_user_id)
        record = self._world.state.views.get(self._world.state.homes.get(f"{app.id}:{me.id}", ""))
        view = record.slack_shape() if record else None
        self._stand_in.events.home_opened(app, me.id, channel.id, view)
        return {"ok": True, "view": view}

    def _app_with_home(self, wanted: object) -> InstalledApp:
        for app in self._world.state.apps.values():
            if app.has_home and wanted in (None, app.id):
                return app
        raise ControlError(404, "app_not_found", "no such app has a Home tab")

    def _message(self, ask: Json, me: Person) -> tuple[Channel, Json]:
        channel = asked.channel(self._world, asked.needed(ask, "channel"), me)
        message = find_visible(channel, me.id, str(asked.needed(ask, "ts")))
        if message is None:
            raise ControlError(404, "message_not_found", f"{me.real_name} sees no message {ask['ts']} there")
        return channel, message

    def _view(self, ask: Json, me: Person) -> ViewRecord:
        record = self._world.state.views.get(str(asked.needed(ask, "view_id")))
        if record is None or record.user != me.id:
            raise ControlError(404, "view_not_found", f"{me.real_name} has no such view open")
        return record

    def _top(self, ask: Json, me: Person) -> ViewRecord:
        record = self._view(ask, me)
        if self._world.state.stacks.get(me.id, [])[-1:] != [record.id]:
            raise ControlError(409, "view_not_on_top", "another modal lies on top of this one")
        return record


def _plainly(act: asked.Act) -> asked.Handler:
    """A handler from JSON to JSON, with what is not there answered in words."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await act(await asked.body(request)))
        except NotThereError as missing:
            raise ControlError(404, "element_not_found", str(missing)) from missing
        except NotOfferedError as missing:
            raise ControlError(400, "not_offered", str(missing)) from missing

    return handle
