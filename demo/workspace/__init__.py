"""The local workspace: an honest stand-in for Slack on the loopback interface, for demos and tests."""

from typing import Any

Json = dict[str, Any]
"""A JSON object as it travels on the wire."""
