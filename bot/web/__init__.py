"""The HTTP surface: health, metrics, webhooks and Slack's HTTP mode."""
