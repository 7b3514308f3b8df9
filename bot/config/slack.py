"""How Slack is reached, and where the bot speaks there."""

from enum import StrEnum

from pydantic import BaseModel, Field, SecretStr


class SlackMode(StrEnum):
    """How Slack reaches the bot."""

    SOCKET = "socket"
    HTTP = "http"


class SlackSettings(BaseModel):
    """The command, the channels, the tokens."""

    command: str = Field("/takumi", description="The slash command; a second bot in one workspace takes another.")
    channel: str = Field(description="The id of #takumi-alerts (C...), where commands are used and runs are shown.")
    approvals_channel: str = Field(
        "", description="The id of a channel that gets a copy of every card that needs a yes, with its calls."
    )
    slack_mode: SlackMode = Field(SlackMode.SOCKET, description="socket (default) or http.")
    slack_bot_token: SecretStr = Field(description="The bot token (xoxb-...).")
    slack_app_token: SecretStr | None = Field(
        None, description="The app-level token (xapp-...) with connections:write; Socket Mode only."
    )
    slack_signing_secret: SecretStr = Field(SecretStr(""), description="The signing secret; HTTP mode only.")
    slack_api_url: str = Field(
        "https://slack.com/api/", description="The base of Slack's Web API; anything else counts as a stand-in."
    )

    @property
    def slack_is_stand_in(self) -> bool:
        return self.slack_api_url.rstrip("/") != "https://slack.com/api"
