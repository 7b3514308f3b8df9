"""The app's manifest: what Slack lets the bot hear, say and see, and why."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml

from bot.domain.errors import RequestError

# Where Slack's requests arrive in HTTP mode, below the bot's public address.
EVENTS_PATH = "/slack/events"

# Every scope with its reason; docs/security.md shows this table and a test compares the two.
SCOPES: Mapping[str, str] = {
    "app_mentions:read": "`@takumi ...` is the same grammar as the slash command, and the only one in threads.",
    "channels:history": "After a crash the bot looks for the message it may have posted, instead of posting twice.",
    "channels:read": "The doctor looks whether the bot is in the configured channel.",
    "chat:write": "Runs are shown as messages that are updated, and private answers as ephemeral ones.",
    "commands": "The slash command.",
    "files:write": "Output that is too long for a message goes into a file.",
    "groups:history": "As channels:history, where the configured channel is private.",
    "groups:read": "As channels:read, where the configured channel is private.",
    "im:write": "Files of a private answer go to the asker's direct messages, since an ephemeral message holds none.",
    "usergroups:read": "User groups fill the roles that may ask and approve.",
    "users:read": "Every request looks afresh: deactivated people, guests, bots and strangers are refused.",
}

EVENTS: Mapping[str, str] = {
    "app_home_opened": "Somebody opened the bot's Home tab, which is drawn then.",
    "app_mention": "Somebody wrote `@takumi ...`.",
}

# Shown while somebody types the command.
USAGE_HINT = "backup now | backup list | health | runs | audit | help"


def manifest(
    mode: Literal["socket", "http"], *, url: str = "", name: str = "Takumi", command: str = "/takumi"
) -> dict[str, Any]:
    """The manifest as JSON values; `url` is the bot's public address, for HTTP mode alone.

    Raises: RequestError for an address or a command that Slack would not take.
    """
    _check_command(command)
    address = "" if mode == "socket" else _events_address(url)
    return {
        "display_information": {
            "name": name,
            "description": "Maintenance of the Takumi platform, asked for, approved and proven in Slack.",
            "background_color": "#1f2a37",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": name, "always_online": True},
            "slash_commands": [_slash_command(command, address)],
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            "event_subscriptions": {**_request_url(address), "bot_events": sorted(EVENTS)},
            "interactivity": {"is_enabled": True, **_request_url(address)},
            "org_deploy_enabled": False,
            "socket_mode_enabled": mode == "socket",
            "token_rotation_enabled": False,
        },
    }


def to_yaml(made: Mapping[str, Any]) -> str:
    """The manifest as Slack's page takes it, keys in their order."""
    return yaml.safe_dump(dict(made), sort_keys=False, allow_unicode=True, width=120)


def _slash_command(command: str, address: str) -> dict[str, Any]:
    return {
        "command": command,
        **({"url": address} if address else {}),
        "description": "Back up, look after and recover the Takumi platform",
        "usage_hint": USAGE_HINT,
        # Off: the words arrive as they were typed, without Slack's `<@U...|name>`.
        "should_escape": False,
    }


def _request_url(address: str) -> dict[str, str]:
    return {"request_url": address} if address else {}


def _events_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise RequestError(
            f"{url!r} is no address.", hint="Give the bot's public address: --http https://bot.example.com"
        )
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1"):
        raise RequestError("Slack sends to https addresses only.", hint=f"Use https://{parts.netloc}, behind a proxy.")
    return url.rstrip("/") + EVENTS_PATH


def _check_command(command: str) -> None:
    if not command.startswith("/") or not 2 <= len(command) <= 32 or command != command.lower() or " " in command:  # noqa: PLR2004 - Slack's limits
        raise RequestError(
            f"{command!r} is no slash command.",
            hint="Give a slash and up to 31 small letters, such as /takumi-staging.",
        )
