"""Slack's Web API as this workspace serves it; importing it registers every method."""

from demo.workspace.api import apps, block_kit, chat, conversations, files, history, marks, scheduled, users, views

__all__ = ["apps", "block_kit", "chat", "conversations", "files", "history", "marks", "scheduled", "users", "views"]
