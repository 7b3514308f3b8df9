"""What stands in for the outside world when there is none: a small Takumi platform and a local workspace."""
