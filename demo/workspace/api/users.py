"""users.* and usergroups.*: who is who, and who may do what."""

from demo.workspace import Json
from demo.workspace.api.call import Call
from demo.workspace.api.paging import page
from demo.workspace.api.registry import method
from demo.workspace.errors import SlackError
from demo.workspace.state.people import Person

_LIST_MAX = 1000


@method(
    "users.info", "t4", required="user", optional="include_locale", scopes="users:read", raises="user_not_found",
    takes_json=False,
)  # fmt: skip
async def info(call: Call) -> Json:
    return {"user": _shape(call, call.person())}


@method(
    "users.list", "t2", optional="cursor include_locale limit team_id", scopes="users:read", raises="invalid_cursor",
    takes_json=False,
)  # fmt: skip
async def list_(call: Call) -> Json:
    """Everybody, the deactivated and the bots included."""
    people, next_cursor = page(call, list(call.world.state.people.values()), _LIST_MAX)
    members = [_shape(call, p) for p in people]
    return {"members": members, "cache_ts": int(call.now), "response_metadata": {"next_cursor": next_cursor}}


@method(
    "users.lookupByEmail", "t3", required="email", scopes="users:read.email", raises="users_not_found",
    takes_json=False,
)  # fmt: skip
async def lookup_by_email(call: Call) -> Json:
    """Deactivated people are not found."""
    wanted = call.text("email").lower()
    for person in call.world.state.people.values():
        if person.email == wanted and not person.deleted and not person.is_bot:
            return {"user": _shape(call, person)}
    raise SlackError("users_not_found")


@method("users.getPresence", "t3", optional="user", scopes="users:read", takes_json=False)
async def get_presence(call: Call) -> Json:
    person = call.world.state.people.get(call.text("user", call.app.bot_user_id))
    return {"presence": "away" if person is None or person.deleted else "active"}


@method(
    "usergroups.list", "t2", optional="include_count include_disabled include_users team_id",
    scopes="usergroups:read", takes_json=False,
)  # fmt: skip
async def list_groups(call: Call) -> Json:
    with_users = call.flag("include_users")
    groups = call.world.state.groups.values()
    return {"usergroups": [g.slack_shape(call.world.state.team_id, with_users=with_users) for g in groups]}


@method(
    "usergroups.users.list", "t2", required="usergroup", optional="include_disabled team_id",
    scopes="usergroups:read", raises="no_such_subteam", takes_json=False,
)  # fmt: skip
async def list_group_users(call: Call) -> Json:
    group = call.world.state.groups.get(call.text("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


def _shape(call: Call, person: Person) -> Json:
    with_email = "users:read.email" in call.app.scopes
    return person.slack_shape(call.world.state.team_id, with_email=with_email)
