"""Slack's markup, made safely: everything that people or the platform wrote goes through `literal`."""

import re

_BROADCAST = re.compile(r"<!(?:channel|here|everyone)(?:\|[^>]*)?>")


def literal(text: str) -> str:
    """The text as it is: no markup, no mention, no link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Inline code; a backtick inside becomes an apostrophe, since Slack knows no escape for it."""
    return "`" + literal(text).replace("`", "'").replace("\n", " ") + "`" if text else ""


def fenced(text: str) -> str:
    """A block of code that the text inside cannot end."""
    return "```\n" + literal(text).replace("```", "'''") + "\n```"


def bold(text: str) -> str:
    return "*" + literal(text).replace("*", "\u2217") + "*"


def mention(slack_user: str, otherwise: str = "the calendar") -> str:
    """A person; the bot's own acts have no Slack user and are named by `otherwise`."""
    return f"<@{slack_user}>" if slack_user else literal(otherwise)


def link(url: str, label: str) -> str:
    return f"<{url}|{literal(label).replace('|', ' ')}>"


def without_broadcasts(markup: str) -> str:
    """Nobody wakes a whole channel through the bot."""
    return _BROADCAST.sub("(everyone)", markup)
