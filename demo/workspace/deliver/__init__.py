"""What the workspace sends to apps: commands, clicks, submissions and events."""
