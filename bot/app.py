"""The only place that picks implementations."""

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from functools import partial
from uuid import uuid4

import structlog

from bot import catalog as catalog_files
from bot.config import Settings, SlackMode
from bot.domain.canonical import digest
from bot.domain.errors import BotError
from bot.domain.redaction import Redactor
from bot.domain.targets import Environment
from bot.engine.beats import Beats
from bot.engine.queue import Queue, deferral_sql
from bot.engine.watchdog import Watchdog
from bot.installation import (
    gate_of,
    platform_of,
    rules_of,
    staging_of,
    writer_of,
)
from bot.operations.health import PlatformHealth
from bot.operations.tools.access import OwnDatabase
from bot.operations.tools.toolbox import Toolbox
from bot.operations.tools.vault import KeyVault
from bot.operations.tools.wallets import WalletSignatures
from bot.services.catalogue import Catalogue
from bot.services.figures import row_figures
from bot.services.front import Front
from bot.services.gate import TrailWatch
from bot.services.people import People
from bot.services.ports import ChatUnavailable, Store
from bot.services.proofs import Proofs
from bot.services.rows import Job
from bot.services.satisfiable import Enrolled, enrolled, gaps
from bot.slack.clients import web_client
from bot.slack.gateway import SlackChat
from bot.slack.receive import Receiver, build_app
from bot.slack.socket import Hearing
from bot.stores.connections import make_pool
from bot.stores.identity import identity
from bot.stores.postgres import PostgresStore
from bot.web.metrics import exposition

log = structlog.get_logger()


def redactor_of(settings: Settings) -> Redactor:
    """Knows every secret of the settings, so that none leaves the bot."""
    return Redactor(settings.secrets())


class Bot:
    """One process of the bot, wired; `serve` runs the parts it was asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:6]}"
        self.redactor = redactor_of(settings)
        self.catalog = catalog_files.load()
        self.rules = rules_of(settings, self.catalog)
        self._vault, self._salt = KeyVault(settings.factor_key), ""
        url = settings.database_url.get_secret_value()
        self.beats, self.stopping = Beats(), asyncio.Event()
        self.queue = Queue(url)
        self.queue.beat = partial(self.beats.beat, "worker")
        self.pool = make_pool(url, max_size=settings.worker_concurrency + 4)
        self.own_store = PostgresStore(
            self.pool, self.queue.deferrer, deferral_sql(Job.WORK_INBOX), self.redactor, writer_of(settings)
        )
        self.store: Store = self.own_store
        self._client = client = web_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
        self.chat = SlackChat(client, self.redactor, settings.roles)
        self.hearing = Hearing()
        self.watchdog = Watchdog()
        self.receiver = Receiver(
            self.store, Front(self.catalog), settings.command, self.chat.open_modal, self.hearing.heard
        )
        gate = gate_of(settings, self.store)
        self.trail = TrailWatch(gate, self.chat, settings.channel, self.own_store.voids.declare)
        self.bolt = build_app(self.receiver, client, settings.slack_signing_secret.get_secret_value())

    def tell_token(self, token: str) -> None:
        """Speak with Slack by another bot token from now on."""
        self._client.token = token

    async def toolbox(self) -> Toolbox:
        """What look-ups and steps use; needs the bot's own database."""
        cluster, database = await identity(self.pool)
        self._salt = digest({"cluster": cluster, "database": database})
        return Toolbox(platform_of(self.settings, OwnDatabase(cluster, database)), Catalogue(self.store))

    async def health(self) -> PlatformHealth:
        """Looks at the platform, without anything else running."""
        return PlatformHealth(await self.toolbox())

    def proofs(self) -> Proofs:
        """Checks proofs; a signature for another deployment is none here."""
        return Proofs(self.store, self._vault, WalletSignatures(), self._salt, self.settings.enrolment_wait)

    async def gaps(self) -> Sequence[str]:
        """Policies that nobody can satisfy."""
        environment = self.settings.environment
        return await gaps(self.chat, self.catalog, (environment, staging_of(environment)), self.rules)

    async def enrolled(self) -> Enrolled | None:
        """Who could prove themselves where the highest risk asks for it; None where no rule does."""
        if self.rules.ruled_as(self.settings.environment) is not Environment.PRODUCTION:
            return None
        return await enrolled(self.chat, People(self.chat, "", self.settings.aliases), self.proofs())

    async def report_gaps(self) -> None:
        """Say at the start what the doctor would say."""
        try:
            found = await self.enrolled()
            for gap in (*await self.gaps(), *(found.gaps if found else ())):
                log.warning("policy.nobody_can_satisfy", gap=gap)
        except (ChatUnavailable, BotError) as error:
            log.warning("policy.not_looked_at", error=str(error))

    async def metrics(self) -> bytes:
        """What Prometheus is told; in HTTP mode nothing is known of Slack between two requests."""
        by_socket = self.settings.slack_mode is SlackMode.SOCKET
        own = (*self.trail.figures(), *self.chat.figures(), *self.watchdog.figures())
        heard = self.hearing.figures() if by_socket else ()
        return await exposition((partial(row_figures, self.store),), (*own, *heard))

    async def wrong(self) -> Mapping[str, str]:
        """What keeps this process from being ready, by part."""
        wrong: dict[str, str] = {}
        try:
            async with self.store.work() as work:
                await work.now()
        except BotError as error:
            wrong["database"] = str(error)
        if self.settings.slack_mode is SlackMode.SOCKET and (said := self.hearing.wrong):
            wrong["slack"] = said
        if self.trail.why:
            wrong["audit"] = self.trail.why
        if self.stopping.is_set():
            wrong["draining"] = "this process was told to stop, and takes nothing new"
        return {**wrong, **self.beats.overdue()}
