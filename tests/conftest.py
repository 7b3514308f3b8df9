"""What every test can ask for, and how tests share a machine: in which order, and on which ports."""

import sys

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from demo import ports

pytest_plugins = ("tests.servers", "tests.stores")

# What takes longest begins first: processes that work side by side shall end together.
LONGEST_FIRST = ("e2e", "mutations", "integration", "contract", "unit")
# A file stays in one process, and tests/e2e as a whole does too: its files share bots, which work even when nobody asks
# them. These ask for no shared bot.
E2E_WITH_BOTS_OF_THEIR_OWN = (
    "tests/e2e/test_crashes.py",
    "tests/e2e/test_escalation.py",
    "tests/e2e/test_page.py",
    "tests/e2e/test_upgrade.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """One of several processes has ports of its own: a server that a test stopped finds its port free again."""
    if not hasattr(config, "workerinput"):
        return
    number, count = int(config.workerinput["workerid"].removeprefix("gw")), int(config.workerinput["workercount"])
    ports._RANGE = ports._RANGE[number::count]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: LONGEST_FIRST.index(item.path.relative_to(config.rootpath).parts[1]))


class Spreading(LoadScopeScheduling):
    """Which tests stay together in one of several processes."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        shares_bots = file.startswith("tests/e2e/") and file not in E2E_WITH_BOTS_OF_THEIR_OWN
        return "tests/e2e" if shares_bots else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spreading:
    config.option.loadscopereorder = False  # else what has most tests begins first, and they are the quick ones
    return Spreading(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hypothesis' summary imports all of Hypothesis, for a second, even when no test of the session did."""
    is_spread = session.config.getoption("numprocesses", None)
    if "hypothesis" not in sys.modules and not is_spread:
        session.config.pluginmanager.unregister(name="hypothesispytest")
