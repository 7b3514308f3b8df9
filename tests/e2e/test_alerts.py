"""Real alerts over the wire: Prometheus and Alertmanager, with the guide's file and with ours, and a bot killed."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.policy.alertmanager_file import YOUR_URL, alertmanager_file
from bot.services.messages import DRAWING_LEASE
from demo.ports import free_ports
from demo.workspace import Json
from demo.workspace.client import Workspace, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.monitoring import Alertmanager, Prometheus, guides_file, quick
from tests.e2e.product import Product
from tests.e2e.test_restore import answer_to_click
from tests.e2e.threads import PATIENCE, key_of
from tests.guide import guide_text

TOKEN = "a token for alerts"
CTO = "U0CTO00001"


@pytest.fixture(scope="module")
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def alert_bot(product: Product, port: int) -> BotUnderTest:
    """A bot that answers a P0 within six seconds or calls the CTO, and knows where Alertmanager is."""
    choices = {
        "TAKUMI_BOT_RESPONSE_TIMES": json.dumps({"P0": "PT6S"}),
        "TAKUMI_BOT_ALERTMANAGER_TOKEN": TOKEN,
        "TAKUMI_BOT_ALERT_WEBHOOK_SECRET": "hooked",
        "TAKUMI_BOT_ALERTMANAGER_URL": f"http://127.0.0.1:{port}",
    }
    return asyncio.run(product.add_bot("Takumi on watch", "/takumi-watch", **choices))


@pytest.fixture(scope="module")
def monitoring(tmp_path_factory: pytest.TempPathFactory, port: int, alert_bot: BotUnderTest) -> Iterator["Monitoring"]:
    made = Monitoring(tmp_path_factory.mktemp("monitoring"), port, alert_bot)
    asyncio.run(made.start())
    yield made
    asyncio.run(made.stop())


class Monitoring:
    """Prometheus and Alertmanager; ours unless a test asks for the guide's file."""

    def __init__(self, folder: Path, port: int, bot: BotUnderTest) -> None:
        (folder / "token").write_text(TOKEN, encoding="utf-8")
        self.ours = quick(alertmanager_file().replace(YOUR_URL, f"{bot.web}/alertmanager"))
        webhook = self.ours["receivers"][0]["webhook_configs"][0]
        webhook["http_config"]["authorization"]["credentials_file"] = str(folder / "token")
        self.alertmanager = Alertmanager(folder / "alertmanager", port, self.ours)
        self.prometheus = Prometheus(folder / "prometheus", port)

    async def start(self) -> None:
        await self.alertmanager.start()
        await self.prometheus.start()

    async def stop(self) -> None:
        await self.prometheus.stop()
        await self.alertmanager.stop()

    async def restart(self, configuration: dict[str, Any]) -> None:
        await self.alertmanager.stop()
        self.alertmanager.configure(configuration)
        await self.alertmanager.start()


class Watcher:
    """What people see of one alert in the channel."""

    def __init__(self, people: Workspace, bot: BotUnderTest, name: str) -> None:
        self.person, self.bot, self.name = people.person("Aiko"), bot, name

    def is_it(self, message: Json) -> bool:
        return message.get("user") == self.bot.user and f" {self.name}* (alert " in visible_text(message)

    async def says(self, words: str, patience: timedelta = PATIENCE) -> Json:
        return await self.person.wait_for(
            lambda m: self.is_it(m) and words in visible_text(m), self.bot.channel, timeout=patience
        )

    async def heads(self) -> list[Json]:
        return [one for one in await self.person.messages(self.bot.channel) if self.is_it(one)]


async def test_ours_fires_is_silenced_lifted_and_resolved_as_one_message_over_a_restart(
    monitoring: Monitoring, alert_bot: BotUnderTest, people: Workspace
) -> None:
    watcher = Watcher(people, alert_bot, "HighErrorRate")
    monitoring.prometheus.fire("HighErrorRate", severity="warning", service="backend")
    message = await watcher.says("1 firing")
    assert "P2" in visible_text(message)
    assert "Act on a service" in json.dumps(message["blocks"])
    assert "is silenced until" in await answer_to_click(watcher.person, alert_bot, message, "Silence 1h")
    (silence,) = await monitoring.alertmanager.active_silences()
    assert {one["name"]: one["value"] for one in silence["matchers"]}["service"] == "backend"
    await monitoring.restart(monitoring.ours)
    await monitoring.alertmanager.hears_of_something()
    message = await watcher.says("Silenced until")
    assert "is lifted" in await answer_to_click(watcher.person, alert_bot, message, "Lift the silence")
    assert await monitoring.alertmanager.active_silences() == []
    monitoring.prometheus.settle("HighErrorRate")
    await watcher.says("resolved")
    assert len(await watcher.heads()) == 1


async def test_the_guides_file_works_with_only_its_address_changed(
    monitoring: Monitoring, alert_bot: BotUnderTest, people: Workspace
) -> None:
    guides = quick(guides_file(guide_text()))
    (slack,) = guides["receivers"][0]["slack_configs"]
    slack["api_url"] = f"{alert_bot.web}/services/T0/B0/hooked"
    await monitoring.restart(guides)
    watcher = Watcher(people, alert_bot, "RedisConnectionFailure")
    monitoring.prometheus.fire("RedisConnectionFailure", severity="critical", service="cache")
    message = await watcher.says("alerts configuration")
    text = visible_text(message)
    assert "P1" in text
    assert "RedisConnectionFailure of cache." in text
    assert "Silence" not in json.dumps(message["blocks"])
    assert "is closed" in await answer_to_click(watcher.person, alert_bot, message, "Close by hand")
    monitoring.prometheus.settle("RedisConnectionFailure")
    await monitoring.restart(monitoring.ours)


async def test_a_p0_that_nobody_answers_reaches_the_cto(
    monitoring: Monitoring, alert_bot: BotUnderTest, people: Workspace
) -> None:
    watcher = Watcher(people, alert_bot, "APIDown")
    monitoring.prometheus.fire("APIDown", severity="critical", service="backend")
    head = await watcher.says("1 firing")
    called = await watcher.person.wait_for(
        lambda m: "you are called" in visible_text(m), alert_bot.channel, head["ts"], timeout=PATIENCE
    )
    assert CTO in visible_text(called)
    assert "is yours" in await answer_to_click(watcher.person, alert_bot, head, "Acknowledge")
    monitoring.prometheus.settle("APIDown")
    await watcher.says("resolved")


async def test_what_fires_while_the_bot_is_away_arrives_once(
    monitoring: Monitoring, alert_bot: BotUnderTest, people: Workspace
) -> None:
    watcher = Watcher(people, alert_bot, "HighMemoryUsage")
    await alert_bot.kill()
    monitoring.prometheus.fire("HighMemoryUsage", severity="warning", service="backend")
    await asyncio.sleep(2)  # Alertmanager tries in vain
    await alert_bot.start()
    await watcher.says("1 firing")
    monitoring.prometheus.settle("HighMemoryUsage")
    await watcher.says("resolved")
    assert len(await watcher.heads()) == 1


async def test_a_bot_killed_between_commit_and_post_posts_once(
    monitoring: Monitoring, alert_bot: BotUnderTest, people: Workspace
) -> None:
    watcher = Watcher(people, alert_bot, "HighCPUUsage")
    await people.fault("ratelimited", method="chat.postMessage", times=1, seconds=3)
    monitoring.prometheus.fire("HighCPUUsage", severity="warning", service="backend")
    await committed(alert_bot, "HighCPUUsage")
    await alert_bot.kill()
    assert await watcher.heads() == []
    await people.fault("drop_after", method="chat.postMessage")
    await alert_bot.start()
    # Killed while it posted, its claim on the message has to run out first.
    await watcher.says("1 firing", DRAWING_LEASE + PATIENCE)
    monitoring.prometheus.settle("HighCPUUsage")
    await watcher.says("resolved")
    assert len(await watcher.heads()) == 1
    assert len({key_of(one) for one in await watcher.heads()}) == 1


async def committed(bot: BotUnderTest, name: str) -> None:
    """Wait until the bot's own database has the group."""
    async with asyncio.timeout(PATIENCE.total_seconds()), bot.parts.bot_cluster.connect(bot.database) as connection:
        while True:
            found = await connection.execute("SELECT 1 FROM alert_groups WHERE title = %s", (name,))
            if await found.fetchone():
                return
            await asyncio.sleep(0.02)
