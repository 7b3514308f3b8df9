"""Production is steered from Slack alone, never from something that stands in for it."""

import pytest

from bot.config import Settings
from bot.domain.errors import Misconfigured
from bot.installation import refuse_stand_in

STAND_IN, SLACK = "http://127.0.0.1:1/api/", "https://slack.com/api/"


def settings(environment: str, api_url: str) -> Settings:
    return Settings(
        database_url="postgresql://bot@db/bot",
        channel="C1",
        slack_bot_token="xoxb-made-up",
        environment=environment,
        slack_api_url=api_url,
        audit_key_file="/keys/audit",
    )


@pytest.mark.parametrize("api_url", [STAND_IN, "https://slack.com.evil.example/api/", "https://slack.com/api/../x/"])
def test_production_does_not_start_on_a_stand_in(api_url: str) -> None:
    with pytest.raises(Misconfigured, match="not Slack's"):
        refuse_stand_in(settings("production", api_url))


@pytest.mark.parametrize(("environment", "api_url"), [("demo", STAND_IN), ("staging", STAND_IN), ("production", SLACK)])
def test_everything_else_may_start(environment: str, api_url: str) -> None:
    refuse_stand_in(settings(environment, api_url))
