"""Slack's Web API as this workspace serves it; importing it registers every method."""

from demo.workspace.api import (
    apps,
    block_kit,
    bookmarks,
    chat,
    conversations,
    files,
    history,
    marks,
    moves,
    scheduled,
    users,
    views,
)

__all__ = [
    "apps", "block_kit", "bookmarks", "chat", "conversations", "files", "history", "marks", "moves", "scheduled",
    "users", "views",
]  # fmt: skip
