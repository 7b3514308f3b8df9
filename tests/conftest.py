"""What every test can ask for, and how tests share a machine: in which order, and on which ports."""

import sys

import pytest

from demo import ports

pytest_plugins = ("tests.servers", "tests.stores")

# What takes longest begins first: processes that work side by side shall end together.
LONGEST_FIRST = ("e2e", "mutations", "integration", "contract", "unit")


def pytest_configure(config: pytest.Config) -> None:
    """One of several processes has ports of its own: a server that a test stopped finds its port free again."""
    if not hasattr(config, "workerinput"):
        return
    number, count = int(config.workerinput["workerid"].removeprefix("gw")), int(config.workerinput["workercount"])
    ports._RANGE = ports._RANGE[number::count]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: LONGEST_FIRST.index(item.path.relative_to(config.rootpath).parts[1]))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hypothesis' summary imports all of Hypothesis, for a second, even when no test of the session did."""
    is_spread = session.config.getoption("numprocesses", None)
    if "hypothesis" not in sys.modules and not is_spread:
        session.config.pluginmanager.unregister(name="hypothesispytest")
