"""A request from Slack in the bot's own words; the inbox stores it in this form."""

from pydantic import BaseModel, ConfigDict

from bot.services.rows import DeliveryKind


class Incoming(BaseModel):
    """What was sent, by whom and from where; empty strings where Slack had nothing to say.

    `text` are the typed words, `action` and `value` a button's, `values` a modal's fields by name.
    `opened_view` is the external id of a modal that the listener has opened as "loading".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: DeliveryKind
    team: str = ""
    user: str = ""
    channel: str = ""
    thread: str = ""
    text: str = ""
    action: str = ""
    value: str = ""
    values: dict[str, str] = {}
    message: str = ""
    response_url: str = ""
    opened_view: str = ""
