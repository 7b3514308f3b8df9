"""Production is steered from Slack alone, and signs with keys that can be published."""

import asyncio
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from bot.config import Settings
from bot.domain.errors import Misconfigured
from bot.installation import refuse_stand_in, tell_passing_keys, writer_of
from bot.running import serve

STAND_IN, SLACK = "http://127.0.0.1:1/api/", "https://slack.com/api/"


def settings(environment: str, api_url: str, audit_key: str | None = "/keys/audit", **more: str) -> Settings:
    return Settings(
        database_url="postgresql://bot@db/bot",
        channel="C1",
        slack_bot_token="xoxb-made-up",
        environment=environment,
        slack_api_url=api_url,
        audit_key_file=audit_key,
        **more,
    )


@pytest.mark.parametrize("api_url", [STAND_IN, "https://slack.com.evil.example/api/", "https://slack.com/api/../x/"])
def test_production_does_not_start_on_a_stand_in(api_url: str) -> None:
    with pytest.raises(Misconfigured, match="not Slack's"):
        refuse_stand_in(settings("production", api_url))


async def test_serving_asks_before_it_opens_anything() -> None:
    """What has settings and nothing else: whatever came first would fail for want of a pool."""
    bot = SimpleNamespace(settings=settings("production", STAND_IN))
    with pytest.raises(Misconfigured, match="not Slack's"):
        await serve(bot, asyncio.Event())  # type: ignore[arg-type] # see above


@pytest.mark.parametrize(("environment", "api_url"), [("demo", STAND_IN), ("staging", STAND_IN), ("production", SLACK)])
def test_everything_else_may_start(environment: str, api_url: str) -> None:
    refuse_stand_in(settings(environment, api_url))


def test_production_does_not_sign_with_a_key_that_ends_with_the_process() -> None:
    with pytest.raises(Misconfigured, match="TAKUMI_BOT_AUDIT_KEY_FILE is not set"):
        writer_of(settings("production", SLACK, None))


def test_a_key_for_one_process_alone_is_said_by_the_name_of_what_would_replace_it() -> None:
    chains = {"sequencer_database_url": "postgresql://sequencer@db/bot"}
    with capture_logs() as logged:
        tell_passing_keys(settings("staging", STAND_IN, None, **chains))
        tell_passing_keys(settings("staging", STAND_IN))
    assert [(one["event"], one["variable"]) for one in logged] == [
        ("trail.passing_key", "TAKUMI_BOT_AUDIT_KEY_FILE"),
        ("trail.passing_key", "TAKUMI_BOT_SEQUENCER_KEY_FILE"),
    ]
