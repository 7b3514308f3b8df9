"""An app's manifest: what of it the workspace understands, and what is wrong with it."""

import re
from collections.abc import Iterator

from demo.workspace import Json

BOT_SCOPES = frozenset({
    "app_mentions:read", "bookmarks:read", "bookmarks:write", "channels:history", "channels:join", "channels:manage",
    "channels:read", "channels:write.invites", "channels:write.topic", "chat:write", "chat:write.customize",
    "chat:write.public", "commands", "emoji:read", "files:read", "files:write", "groups:history", "groups:read",
    "groups:write", "groups:write.invites", "groups:write.topic", "im:history", "im:read", "im:write",
    "im:write.topic", "mpim:history", "mpim:read", "mpim:write", "mpim:write.topic", "pins:read", "pins:write",
    "reactions:read", "reactions:write", "team:read", "usergroups:read", "usergroups:write", "users.profile:read",
    "users:read", "users:read.email", "users:write",
})  # fmt: skip

EVENT_SCOPES: dict[str, str | None] = {
    "app_home_opened": None,
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "member_joined_channel": "channels:read",
    "member_left_channel": "channels:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "app_uninstalled": None,
    "tokens_revoked": None,
    "user_change": "users:read",
    "subteam_updated": "usergroups:read",
    "subteam_members_changed": "usergroups:read",
    "channel_archive": "channels:read",
    "channel_unarchive": "channels:read",
    "channel_rename": "channels:read",
    "link_shared": "links:read",
}
"""Each event an app can subscribe to, with the scope it needs."""

_TOP = {"$schema", "_metadata", "app_directory", "display_information", "features", "oauth_config", "settings",
        "functions", "workflows", "datastores", "outgoing_domains", "types", "external_auth_providers",
        "mcp_servers"}  # fmt: skip
_COMMAND = re.compile(r"/[^\s/]{1,31}")
_COMMANDS, _SHORTCUTS, _SHORTCUT_NAME, _APP_NAME = 50, 10, 24, 35
_DESCRIPTION, _HINT = 2000, 1000


def problems(manifest: Json) -> list[str]:
    """Everything that would make Slack refuse this manifest, each as a sentence naming where."""
    return [*_outline(manifest), *_commands(manifest), *_shortcuts(manifest), *_permissions(manifest), *_urls(manifest)]


def section(manifest: Json, *path: str) -> Json:
    """A nested object of the manifest, empty where it is left out."""
    here: object = manifest
    for name in path:
        here = here.get(name) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else {}


def listed(manifest: Json, *path: str) -> list[Json]:
    """A nested list of objects, such as the slash commands."""
    found = section(manifest, *path[:-1]).get(path[-1])
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def scopes(manifest: Json) -> list[str]:
    granted = section(manifest, "oauth_config", "scopes")
    return [str(scope) for key in ("bot", "bot_optional") for scope in granted.get(key) or []]


def bot_events(manifest: Json) -> list[str]:
    return [str(e) for e in section(manifest, "settings", "event_subscriptions").get("bot_events") or []]


def uses_socket_mode(manifest: Json) -> bool:
    return bool(section(manifest, "settings").get("socket_mode_enabled"))


def _outline(manifest: Json) -> Iterator[str]:
    yield from (f"{key}: no such section" for key in manifest.keys() - _TOP)
    name = section(manifest, "display_information").get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= _APP_NAME:
        yield f"display_information.name: needs 1 to {_APP_NAME} characters"
    if scopes(manifest) and not section(manifest, "features", "bot_user").get("display_name"):
        yield "features.bot_user.display_name: an app with bot scopes needs a bot user"


def _commands(manifest: Json) -> Iterator[str]:
    commands = listed(manifest, "features", "slash_commands")
    if len(commands) > _COMMANDS:
        yield f"features.slash_commands: at most {_COMMANDS}"
    for at, command in enumerate(commands):
        where = f"features.slash_commands[{at}]"
        if not _COMMAND.fullmatch(str(command.get("command"))):
            yield f"{where}.command: a slash and 1 to 31 characters without spaces"
        if not 1 <= len(str(command.get("description") or "")) <= _DESCRIPTION:
            yield f"{where}.description: needs 1 to {_DESCRIPTION} characters"
        if len(str(command.get("usage_hint", "-"))) not in range(1, _HINT + 1):
            yield f"{where}.usage_hint: needs 1 to {_HINT} characters"
    if commands and "commands" not in scopes(manifest):
        yield "oauth_config.scopes.bot: slash commands need the scope `commands`"


def _shortcuts(manifest: Json) -> Iterator[str]:
    shortcuts = listed(manifest, "features", "shortcuts")
    if len(shortcuts) > _SHORTCUTS:
        yield f"features.shortcuts: at most {_SHORTCUTS}"
    for at, shortcut in enumerate(shortcuts):
        where = f"features.shortcuts[{at}]"
        if shortcut.get("type") not in {"message", "global"}:
            yield f"{where}.type: `message` or `global`"
        if not 1 <= len(str(shortcut.get("name") or "")) <= _SHORTCUT_NAME:
            yield f"{where}.name: needs 1 to {_SHORTCUT_NAME} characters"
        if not shortcut.get("callback_id") or not shortcut.get("description"):
            yield f"{where}: needs callback_id and description"
    if shortcuts and "commands" not in scopes(manifest):
        yield "oauth_config.scopes.bot: shortcuts need the scope `commands`"


def _permissions(manifest: Json) -> Iterator[str]:
    granted = scopes(manifest)
    yield from (f"oauth_config.scopes.bot: unknown scope `{scope}`" for scope in granted if scope not in BOT_SCOPES)
    for event in bot_events(manifest):
        if event not in EVENT_SCOPES:
            yield f"settings.event_subscriptions.bot_events: unknown event `{event}`"
        elif (needed := EVENT_SCOPES[event]) and needed not in granted:
            yield f"settings.event_subscriptions.bot_events: `{event}` needs the scope `{needed}`"


def _urls(manifest: Json) -> Iterator[str]:
    if uses_socket_mode(manifest):
        return
    for at, command in enumerate(listed(manifest, "features", "slash_commands")):
        if not command.get("url"):
            yield f"features.slash_commands[{at}].url: needed without Socket Mode"
    if bot_events(manifest) and not section(manifest, "settings", "event_subscriptions").get("request_url"):
        yield "settings.event_subscriptions.request_url: needed without Socket Mode"
    interactivity = section(manifest, "settings", "interactivity")
    if interactivity.get("is_enabled") and not interactivity.get("request_url"):
        yield "settings.interactivity.request_url: needed without Socket Mode"
