"""Secrets that changed are read again while the bot runs: on SIGHUP, and every few minutes."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from pydantic import ValidationError

from bot.config import Settings
from bot.config.secrets import references
from bot.domain.errors import BotError
from bot.domain.redaction import Redactor
from bot.installation import platform_of
from bot.operations.tools.secret_stores import fetch
from bot.operations.tools.toolbox import Toolbox

log = structlog.get_logger()

EVERY = timedelta(minutes=5)
# What a later step, look or message takes in its new form; everything else is read when a process starts.
ROTATING = (
    "db_password",
    "restore_password",
    "pooler_url",
    "proof_database_url",
    "pgbackrest_password",
    "s3_access_key_id",
    "s3_secret_access_key",
    "redis_url",
    "chain_rpc_url",
    "slack_bot_token",
)


def read_settings() -> Settings:
    """From the environment, from the files that it names, and from AWS. Raises: ValidationError, Misconfigured."""
    fetched: dict[str, Any] = fetch(references(Settings.model_fields, os.environ))
    return Settings(**fetched)


@dataclass
class Rotation:
    """`tell_slack` gives a new bot token to who speaks with Slack; `read` reads the settings anew."""

    settings: Settings
    toolbox: Toolbox
    redactor: Redactor
    tell_slack: Callable[[str], None]
    read: Callable[[], Settings] = read_settings
    again: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event, every: timedelta = EVERY) -> None:
        """Look until `stop`."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self.again.set)
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                waiting = asyncio.create_task(self.again.wait())
                await asyncio.wait({stopping, waiting}, timeout=every.total_seconds(), return_when="FIRST_COMPLETED")
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    await waiting
                self.again.clear()
                if not stop.is_set():
                    await self.look()
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
            stopping.cancel()

    async def look(self) -> tuple[str, ...]:
        """Take what changed; answers which settings did. What cannot be read changes nothing, and is told."""
        try:
            new = await asyncio.to_thread(self.read)
            changed = tuple(name for name in ROTATING if getattr(new, name) != getattr(self.settings, name))
            if changed:
                self._take(self.settings.model_copy(update={name: getattr(new, name) for name in changed}), changed)
        except ValidationError as error:
            # The error's own text would hold the secret that is wrong.
            log.warning("secrets.not_read", settings=[item["loc"] for item in error.errors()])
        except BotError as error:
            log.warning("secrets.not_read", error=str(error), hint=error.hint)
        else:
            return changed
        return ()

    def _take(self, settings: Settings, changed: tuple[str, ...]) -> None:
        own = self.toolbox.platform.own
        assert own is not None  # noqa: S101 - `bot.app` always gives it
        platform = platform_of(settings, own)
        self.redactor.learn(settings.secrets())
        self.toolbox.renew(platform)
        if "slack_bot_token" in changed:
            self.tell_slack(settings.slack_bot_token.get_secret_value())
        self.settings = settings
        log.info("secrets.read_again", settings=changed)
