"""The caller itself: api.test, auth.test, apps.connections.open, team.info, bots.info."""

from demo.workspace import Json
from demo.workspace.api.call import Call
from demo.workspace.api.registry import method
from demo.workspace.errors import SlackError, explained


@method("api.test", "t4", optional="error", caller="anyone")
async def api_test(call: Call) -> Json:
    """Echoes; `error` asks for that error, whatever it is."""
    if call.has("error"):
        return {"ok": False, "error": call.text("error"), "args": dict(call.args)}
    return {"args": {name: value for name, value in call.args.items() if name != "token"}}


@method("auth.test", "t5")
async def auth_test(call: Call) -> Json:
    """The team's address is this server's own, so that nobody takes it for Slack."""
    state = call.world.state
    return {
        "url": call.world.base_url,
        "team": state.team_name,
        "user": state.people[call.app.bot_user_id].name,
        "team_id": state.team_id,
        "user_id": call.app.bot_user_id,
        "bot_id": call.app.bot_id,
        "is_enterprise_install": False,
    }


@method("apps.connections.open", "t3", caller="app")
async def connections_open(call: Call) -> Json:
    """A single-use address for one WebSocket."""
    if not call.app.uses_socket_mode:
        raise explained("no_permission", ["Socket Mode is off in the app's manifest"])
    ticket = call.stand_in.sockets.mint_ticket(call.app.id)
    address = call.world.base_url.replace("http://", "ws://", 1)
    return {"url": f"{address}link?ticket={ticket}&app_id={call.app.id}"}


@method("team.info", "t3", scopes="team:read", optional="domain team", raises="team_not_found")
async def team_info(call: Call) -> Json:
    state = call.world.state
    if call.text("team", state.team_id) != state.team_id:
        raise SlackError("team_not_found")
    team = {"id": state.team_id, "name": state.team_name, "domain": "takumi-local", "url": call.world.base_url}
    return {"team": team | {"email_domain": "", "icon": {}}}


@method("bots.info", "t3", scopes="users:read", optional="bot team_id", raises="bot_not_found", takes_json=False)
async def bots_info(call: Call) -> Json:
    app = next((a for a in call.world.state.apps.values() if a.bot_id == call.text("bot")), None)
    if app is None:
        raise SlackError("bot_not_found")
    profile = app.bot_profile(call.world.state.team_id) | {"user_id": app.bot_user_id}
    return {"bot": {name: value for name, value in profile.items() if name != "team_id"}}
