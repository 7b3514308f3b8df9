"""A process at work: its services, and the parts of it that it does."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from bot.app import Bot
from bot.config import Settings, SlackMode
from bot.domain.errors import Misconfigured
from bot.engine.calendar import Calendar, Firings
from bot.engine.instants import CalendarEntry
from bot.engine.sweeps import Sweep, run_sweeps
from bot.installation import (
    foreign_schemas,
    observed_of,
    refuse_stand_in,
    sequence,
    silencer_of,
    tell_passing_keys,
)
from bot.operations.apartness import must_be_apart
from bot.operations.archiving import PointInTime
from bot.operations.folder import FolderLook
from bot.operations.health import PlatformHealth
from bot.operations.leftovers import Leftovers
from bot.operations.reopening import ClosedTargets
from bot.operations.tools.toolbox import Toolbox
from bot.policy.schedule import firing, rows
from bot.rotation import Rotation
from bot.services.alert_documents import AlertPainter
from bot.services.alerts import Alerts
from bot.services.approvals import Approvals
from bot.services.archive import ArchiveLoss
from bot.services.backup_care import BackupCare, UnprovenWatch
from bot.services.backups import Backups
from bot.services.call_documents import CallPainter
from bot.services.calls import Calls
from bot.services.desk import desk
from bot.services.directory import StaticLists
from bot.services.enrolment import Enrolment
from bot.services.enrolment_documents import SigningPainter
from bot.services.exceptions import Exceptions
from bot.services.execution import Execution
from bot.services.freshness import Freshness
from bot.services.health_watch import EVERY, HealthWatch
from bot.services.interruptions import Interruptions
from bot.services.kept_copies import KeptCopies
from bot.services.leftovers import collect
from bot.services.messages import Messages, Painter
from bot.services.observing import Observation, ObservationPainter
from bot.services.painting import RunPainter
from bot.services.people import People
from bot.services.registry import Firing, Places, Services
from bot.services.reopening import Reopening
from bot.services.requests import Requests
from bot.services.rows import Job
from bot.services.runs import Runs
from bot.services.schedules import Schedules, Starter, starts_runbook
from bot.services.scoreboard import DeadMansSwitch, Scoreboard
from bot.services.silences import Silences
from bot.services.storms import StormPainter
from bot.services.summoning import Summoning
from bot.services.sweeping import SWEPT, sweep
from bot.services.trail import Trail
from bot.services.workbench import Workbench
from bot.slack import http as slack_http
from bot.slack.manifest import EVENTS_PATH
from bot.slack.socket import keep_connected
from bot.stores.migrate import check_schema
from bot.tracing import exporting
from bot.web import alertmanager, incoming_webhook
from bot.web.server import Route, application, serving

DEAD_MAN = timedelta(minutes=1)
# Every replica asks so often whether it is its turn, so that the look is never much later than it should be.
HEALTH = EVERY / 4
SILENCES = timedelta(seconds=10)


class Part(StrEnum):
    """What a process does; several processes may each do some."""

    SLACK = "slack"
    WORKER = "worker"
    CALENDAR = "calendar"
    SEQUENCER = "sequencer"


async def serve(bot: Bot, stop: asyncio.Event, only: Sequence[Part] = ()) -> None:
    """Work until `stop`. Raises: Misconfigured, Unavailable before anything was started."""
    refuse_stand_in(bot.settings)
    bot.stopping = stop
    async with AsyncExitStack() as stack:
        await bot.pool.open()
        stack.push_async_callback(bot.pool.close)
        await stack.enter_async_context(exporting(bot.settings.otlp_endpoint, bot.owner))
        await check_schema(bot.pool, foreign_schemas())
        await bot.own_store.publish_key()
        tell_passing_keys(bot.settings)
        toolbox = await bot.toolbox()
        await must_be_apart(toolbox)
        running = Running(bot, toolbox)
        web = application(bot.wrong, running.posts(), bot.metrics)
        await stack.enter_async_context(serving(web, bot.settings.http_host, bot.settings.http_port))
        await running.until(stop, frozenset(only or Part))


class Running:
    """The services of a process at work."""

    def __init__(self, bot: Bot, tools: Toolbox) -> None:
        self._bot, self._tools = bot, tools
        settings, store, chat, owner = bot.settings, bot.store, bot.chat, bot.owner
        people = People(chat, "", settings.aliases)
        proofs, lists = bot.proofs(), StaticLists(settings.roles)
        approvals = Approvals(store, chat, people, Freshness(tools, bot.catalog), bot.rules, proofs, lists)
        runs = Runs(store, tools, bot.catalog, approvals, bot.trail.gate)
        alerts = Alerts(store, bot.rules)
        self.services = Services(
            store=store,
            runs=runs,
            approvals=approvals,
            interruptions=Interruptions(store, chat),
            exceptions=Exceptions(store, chat),
            enrolment=Enrolment(store, chat, proofs),
            backups=Backups(store, FolderLook(tools)),
            alerts=alerts,
            silences=Silences(store, alerts, silencer_of(settings)),
            summoning=Summoning(store, chat, alerts),
            scoreboard=Scoreboard(store, settings.db_name, (ArchiveLoss(PointInTime(tools)),)),
            trail=Trail(store),
            health=PlatformHealth(tools),
            catalog=bot.catalog,
            archive=PointInTime(tools) if tools.platform.repository else None,
            places=Places(settings.command, (settings.channel,)),
            calendar=self._firings,
        )
        self.execution = Execution(store, tools, bot.catalog, approvals, owner, _lease(settings), bot.trail.gate)
        self.workbench = Workbench(self.execution.advance, settings.runs_at_once)
        self.requests = Requests(store, chat, people, self.services.trail, desk(self.services, tools), owner)
        self.messages = Messages(store, chat, _painters(bot), owner)
        self.calls = Calls(store, chat, bot.rules)
        self.schedules = Schedules(store, _starters(runs, settings))
        self.calendar = _calendar(settings, self.schedules)
        self.calendar.beat = partial(bot.beats.beat, "calendar")

    async def until(self, stop: asyncio.Event, parts: frozenset[Part]) -> None:
        """Run the parts until `stop`; a part that ends by an error ends the process, for its supervisor to restart."""
        drained = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            # Chaining ends last: what drains waits for its intents to be chained.
            for work in self._chaining(drained, parts):
                group.create_task(work)
            works = [group.create_task(work) for work in (_until(stop), *self._work(stop, parts))]
            await asyncio.wait(works)
            drained.set()

    def posts(self) -> tuple[Route, ...]:
        """What the HTTP surface takes besides questions about health."""
        bot, settings = self._bot, self._bot.settings
        alerts = self.services.alerts
        token, webhook = settings.alertmanager_token, settings.alert_webhook_secret
        posts: tuple[Route, ...] = (
            (alertmanager.PATH, alertmanager.handler(alerts.take, token.get_secret_value() if token else "")),
            (
                incoming_webhook.PATH,
                incoming_webhook.handler(alerts.tell, webhook.get_secret_value() if webhook else ""),
            ),
        )
        if settings.slack_mode is not SlackMode.HTTP:
            return posts
        secret = settings.slack_signing_secret.get_secret_value()
        return (
            *posts,
            (EVENTS_PATH, slack_http.handler(bot.bolt, bot.receiver, secret)),
        )

    def _chaining(self, stop: asyncio.Event, parts: frozenset[Part]) -> Sequence[Coroutine[Any, Any, None]]:
        settings = self._bot.settings
        if Part.SEQUENCER not in parts or settings.sequencer_database_url is None:
            return ()
        return (sequence(settings, settings.sequencer_database_url.get_secret_value(), self._bot.owner, stop),)

    def _work(self, stop: asyncio.Event, parts: frozenset[Part]) -> Sequence[Coroutine[Any, Any, None]]:
        bot, settings = self._bot, self._bot.settings
        works: list[Coroutine[Any, Any, None]] = [bot.watchdog.run(stop)]
        works.append(Rotation(settings, self._tools, bot.redactor, bot.tell_token).run(stop))
        if Part.WORKER in parts:
            bot.own_store.nearby = self.workbench.nearby
            works.append(bot.queue.run(self._handlers(), settings.worker_concurrency, stop))
            works.append(run_sweeps(self._sweeps(), stop))
            works.append(self.workbench.serve(stop))
            works.append(bot.report_gaps())
        if Part.CALENDAR in parts:
            works.append(self.calendar.run(stop))
        if Part.SLACK in parts and settings.slack_mode is SlackMode.SOCKET:
            token = settings.slack_app_token
            if token is None:
                raise Misconfigured("Socket Mode needs an app-level token.", hint="Set TAKUMI_BOT_SLACK_APP_TOKEN.")
            works.append(keep_connected(bot.bolt, token.get_secret_value(), bot.hearing, stop))
        return works

    def _handlers(self) -> Mapping[Job, Callable[[str], Awaitable[None]]]:
        return {
            Job.WORK_INBOX: self.requests.work,
            Job.ADVANCE_RUN: self.workbench.wake,
            Job.DRAW_MESSAGE: self.messages.draw,
            Job.START_SCHEDULED: self.schedules.start,
            Job.MAKE_CALLS: self.calls.make,
        }

    def _sweeps(self) -> tuple[Sweep, ...]:
        store, lease = self._bot.store, _lease(self._bot.settings)
        handlers = self._handlers()
        wakes = tuple(Sweep(job.value, partial(sweep, store, job, handlers[job]), lease / 4) for job in SWEPT)
        switch = DeadMansSwitch(store, self.services.alerts, self._bot.settings.db_name)
        wakes = (*wakes, Sweep("dead man's switch", switch.look, DEAD_MAN))
        wakes = (*wakes, Sweep("unproven backups", UnprovenWatch(store, self.services.alerts).look, DEAD_MAN))
        wakes = (*wakes, Sweep("silences", self.services.silences.look, SILENCES))
        watch = HealthWatch(store, self.services.alerts, self.services.health)
        wakes = (*wakes, Sweep("health", watch.look, HEALTH))
        wakes = (*wakes, Sweep("trail", self._bot.trail.look))
        wakes = (*wakes, Sweep("reopening", Reopening(store, ClosedTargets(self._tools)).look, lease))
        return (*wakes, Sweep("leftovers", partial(collect, store, Leftovers(self._tools)), 3 * lease))

    def _firings(self) -> tuple[Firing, ...]:
        crons = self._bot.settings.schedules
        return tuple(
            Firing(
                row.key,
                row.task,
                crons.get(row.key, row.cron),
                self.calendar.next_firing(row.key) if row.starter else None,
                f"not yet: part {row.not_yet}" if row.not_yet else "",
            )
            for row in rows(clusters=bool(self._bot.settings.pgbackrest_stanza))
        )


def _lease(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.lease_seconds)


async def _until(stop: asyncio.Event) -> None:
    """HTTP mode alone has no work of its own: the server answers until it is told to stop."""
    await stop.wait()


def _painters(bot: Bot) -> Mapping[str, Painter]:
    """Who knows what a message says, by the first word of its key."""
    runs, calls = RunPainter(bot.store, bot.catalog, bot.trail.gate).paint, CallPainter(bot.store, bot.chat)
    alerts = AlertPainter(bot.store, bot.catalog, can_silence=bot.settings.alertmanager_url is not None)
    signing = {"sign": SigningPainter(bot.store, bot.proofs().salt).paint}
    about_alerts = {"alert": alerts.paint, "history": alerts.paint_history, "storm": StormPainter(bot.store).paint}
    told = {"told": calls.paint_decision, "review": calls.paint_review}
    watched = ObservationPainter(bot.store, bot.settings.observed)
    told |= {"observing": watched.paint_head, "observed": watched.paint}
    return {"run": runs, "ask": runs, "call": calls.paint, "direct": calls.paint, **told, **signing, **about_alerts}


def _starters(runs: Runs, settings: Settings) -> Mapping[str, Starter]:
    """What each row of the schedule starts; only runbooks so far."""
    channel = settings.channel
    starters = {
        row.key: starts_runbook(runs, row.starter.name, channel, row.starter.params)
        for row in firing(clusters=True)
        if row.starter
    }
    care = BackupCare(runs, channel)
    quiet = {"backup-proof": care.prove, "backup-retention": care.expire}
    doing = {**starters, **quiet, "kept-copies": KeptCopies(runs.store, runs, channel).look_after}
    watching = Observation(runs, channel)
    return doing | {name: watching.starter(row) for name, row in observed_of(settings).items()}


def _calendar(settings: Settings, schedules: Schedules) -> Calendar:
    there = firing(clusters=bool(settings.pgbackrest_stanza))
    crons = {row.key: settings.schedules.get(row.key, row.cron) for row in there}
    entries = [CalendarEntry(key, cron, settings.time_zone) for key, cron in crons.items()]
    return Calendar(entries, Firings(schedules.fire, schedules.last, schedules.missed))
