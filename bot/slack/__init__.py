"""Slack: Bolt, messages, modals, buttons and errors."""
