"""Slack's clients, made in one place."""

from slack_sdk.web.async_client import AsyncWebClient


def web_client(token: str, api_url: str) -> AsyncWebClient:
    """Ten seconds a call, and nothing tried again behind our back: a post could be made twice."""
    return AsyncWebClient(token=token, base_url=api_url, timeout=10, retry_handlers=[])
