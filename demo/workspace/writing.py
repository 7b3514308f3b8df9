"""Typed text as Slack's composer sends it: escaped, with names turned into references."""

import re

from demo.workspace.state.world import World

_CHANNEL = re.compile(r"(?<![\w&;/#])#([\w-]+)")
_ALREADY = re.compile(r"&lt;([@#][UCW][A-Z0-9]+|!subteam\^S[A-Z0-9]+)&gt;")


def escaped(text: str) -> str:
    """Typed text as Slack sends it to apps; a mention written as `<@U...>` stays one."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ALREADY.sub(r"<\1>", safe)


def with_mentions(world: World, text: str) -> str:
    """`@name` and `#channel` become references, as the composer makes them; longer names win."""
    names = _mentionable(world)
    if names:
        choices = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        pattern = re.compile(rf"(?<![\w&;/@])@({choices})(?![\w-])", re.IGNORECASE)
        text = pattern.sub(lambda found: names[found[1].lower()], text)
    return _CHANNEL.sub(lambda found: _channel_reference(world, found), text)


def _mentionable(world: World) -> dict[str, str]:
    """Names and handles in lower case, each with its reference."""
    groups = {group.handle: f"<!subteam^{group.id}>" for group in world.state.groups.values()}
    people = [p for p in world.state.people.values() if not p.deleted]
    real = {escaped(p.real_name).lower(): f"<@{p.id}>" for p in people}
    return groups | real | {p.name.lower(): f"<@{p.id}>" for p in people}


def _channel_reference(world: World, found: re.Match[str]) -> str:
    channel = world.channel_named(found[1])
    return f"<#{channel.id}|{channel.name}>" if channel else found[0]
