"""What the workspace remembers: people, channels, messages, apps, views, files."""
