"""A message's content, checked as Slack checks it, whichever door it came in by."""

import json
from dataclasses import dataclass
from typing import Any

from demo.workspace import Json
from demo.workspace.blocks import validate
from demo.workspace.blocks.identify import with_ids
from demo.workspace.errors import SlackError, explained
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.channels import Channel

TEXT_TRUNCATED_AT = 40_000
UPDATE_TEXT_LIMIT = 4_000
ATTACHMENT_LIMIT = 100
MARKDOWN_TEXT_LIMIT = 12_000
CUMULATIVE_TEXT_LIMIT = 11_000
METADATA_LIMIT = 16_000
TRUNCATION_MARK = "..."


@dataclass(frozen=True)
class Content:
    """What an app wants to be read; `metadata` is for machines."""

    text: str = ""
    blocks: Any = None
    attachments: Any = None
    metadata: Any = None
    markdown_text: str = ""

    def check(self) -> None:
        """Raises: SlackError no_text, invalid_blocks, msg_blocks_too_long, too_many_attachments..."""
        self._check_presence()
        if self.blocks is not None:
            check_blocks(self.blocks)
        self._check_attachments()
        self._check_metadata()

    def fields(self) -> Json:
        """The parts of a stored message that this content makes."""
        text = self.text or self.markdown_text
        message: Json = {"text": truncated(text)}
        if self.markdown_text:
            message["blocks"] = with_ids([{"type": "markdown", "text": self.markdown_text}])
        if self.blocks:
            message["blocks"] = with_ids(self.blocks)
        if self.attachments:
            message["attachments"] = [_stored_attachment(i, a) for i, a in enumerate(self.attachments, start=1)]
        if self.metadata:
            message["metadata"] = self.metadata
        return message

    def _check_presence(self) -> None:
        if self.markdown_text and (self.text or self.blocks):
            raise SlackError("markdown_text_conflict")
        if not (self.text.strip() or self.blocks or self.attachments or self.markdown_text):
            raise SlackError("no_text")
        if len(self.markdown_text) > MARKDOWN_TEXT_LIMIT:
            raise explained("invalid_arguments", [f"markdown_text is longer than {MARKDOWN_TEXT_LIMIT} characters"])

    def _check_attachments(self) -> None:
        if self.attachments is None:
            return
        if not isinstance(self.attachments, list) or not all(isinstance(a, dict) for a in self.attachments):
            raise explained("invalid_arguments", ["attachments must be a list of objects"])
        if len(self.attachments) > ATTACHMENT_LIMIT:
            raise SlackError("too_many_attachments")
        for attachment in self.attachments:
            if attachment.get("blocks") is not None:
                check_blocks(attachment["blocks"])

    def _check_metadata(self) -> None:
        if self.metadata is None:
            return
        event_type = self.metadata.get("event_type") if isinstance(self.metadata, dict) else None
        if not isinstance(event_type, str) or not event_type:
            raise SlackError("invalid_metadata_format")
        if not isinstance(self.metadata.get("event_payload"), dict):
            raise SlackError("invalid_metadata_schema")
        if len(json.dumps(self.metadata)) > METADATA_LIMIT:
            raise SlackError("metadata_too_large")


def check_blocks(blocks: Any) -> None:
    """Raises: SlackError invalid_blocks_format, invalid_blocks or msg_blocks_too_long."""
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    found = validate.message_problems(blocks)
    if found:
        raise SlackError(
            "invalid_blocks", errors=found, response_metadata={"messages": [f"[ERROR] {p}" for p in found]}
        )
    if validate.visible_characters(blocks) > CUMULATIVE_TEXT_LIMIT:
        raise SlackError("msg_blocks_too_long")


def truncated(text: str) -> str:
    """Slack cuts a text beyond 40,000 characters."""
    if len(text) <= TEXT_TRUNCATED_AT:
        return text
    return text[: TEXT_TRUNCATED_AT - len(TRUNCATION_MARK)] + TRUNCATION_MARK


def authored(app: InstalledApp, channel: Channel, content: Content, team_id: str, now_seconds: float) -> Json:
    """A message by the app's bot, not yet kept anywhere."""
    return {
        "type": "message",
        "ts": channel.next_ts(now_seconds),
        "user": app.bot_user_id,
        "bot_id": app.bot_id,
        "app_id": app.id,
        "team": team_id,
        "bot_profile": app.bot_profile(team_id),
        **content.fields(),
    }


def _stored_attachment(number: int, attachment: Json) -> Json:
    stored = {"id": number, "fallback": "[no preview available]", **attachment}
    if isinstance(stored.get("blocks"), list):
        stored["blocks"] = with_ids(stored["blocks"])
    return stored
