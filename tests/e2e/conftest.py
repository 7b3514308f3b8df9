"""What end-to-end tests can ask for: the product, its bots, the people."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo.workspace.client import Workspace
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import Product


@pytest.fixture(scope="session")
def product(server_folder: Path) -> Iterator[Product]:
    """Everything but bots, one a session."""
    made = Product(server_folder / "product")
    asyncio.run(made.start())
    yield made
    assert asyncio.run(made.stop()) == [], "processes outlived the product"


@pytest.fixture(scope="session")
def socket_bot(product: Product) -> BotUnderTest:
    """The bot as the demo has it: `/takumi`, Socket Mode, in #takumi-alerts."""
    return asyncio.run(product.add_bot())


@pytest.fixture(scope="session")
def http_bot(product: Product) -> BotUnderTest:
    """A second bot in the same workspace, to which Slack posts signed requests: `/takumi-http`.

    Its roles are a static list of users beside user groups, and Sora and Kenji fill none.
    """
    roles = {"developer": ["U0DEV00001"], "team_lead": ["S0TEAMLEAD"], "engineering_lead": ["S0ENGLEAD0"]}
    choices = {"mode": "http", "TAKUMI_BOT_ROLES": json.dumps(roles)}
    return asyncio.run(product.add_bot("Takumi over HTTP", "/takumi-http", **choices))


@pytest.fixture(scope="session")
def nightly_bot(product: Product) -> BotUnderTest:
    """A bot whose daily backup is due every minute."""
    every_minute = {"TAKUMI_BOT_SCHEDULES": json.dumps({"database-backup": "* * * * *"}), "CLOUD_BACKUP": ""}
    return asyncio.run(product.add_bot("Takumi by night", "/takumi-night", **every_minute))


@pytest.fixture(params=["socket", "http"])
def bot(request: pytest.FixtureRequest) -> BotUnderTest:
    """Each test with this fixture speaks with the bot in both modes."""
    found: BotUnderTest = request.getfixturevalue(f"{request.param}_bot")
    return found


@pytest_asyncio.fixture
async def people(product: Product) -> AsyncIterator[Workspace]:
    """The people's side of the workspace; faults that a test planned and did not use up are forgotten."""
    async with product.people() as workspace:
        yield workspace
        await workspace.fault("clear")
