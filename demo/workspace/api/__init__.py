"""Slack's Web API as this workspace serves it; importing it registers every method."""

from demo.workspace.api import apps, chat

__all__ = ["apps", "chat"]
