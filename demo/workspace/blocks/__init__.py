"""Block Kit as Slack enforces it: structure, lengths, uniqueness."""
